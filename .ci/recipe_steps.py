"""CONTRIBUTING.md's recipes, followed for softsign and ln cosh: step by step, what is added where.

An edit is (file, line, text): ``text`` goes after the one place where ``line`` stands, or in front
of it if it ends with ``line``.
"""

from __future__ import annotations

Edit = tuple[str, str, str]

ACTIVATION: list[list[Edit]] = [
    [
        (
            "fastnn/reference/activations.py",
            "def exp(z: np.ndarray)",
            '''def softsign(z: np.ndarray) -> np.ndarray:
    """z / (1 + |z|) (Bergstra, Desjardins, Lamblin and Bengio, 2009)."""
    return z / (1 + np.abs(z))


def softsign_prime(z: np.ndarray) -> np.ndarray:
    """1 / (1 + |z|)²."""
    return 1 / (1 + np.abs(z)) ** 2


def exp(z: np.ndarray)''',
        ),
        (
            "fastnn/reference/activations.py",
            '"softplus": softplus,\n',
            '    "softsign": softsign,\n',
        ),
        (
            "fastnn/reference/activations.py",
            '"softplus": softplus_prime,\n',
            '    "softsign": softsign_prime,\n',
        ),
    ],
    [
        (
            "src_cython/fastnn/_core/kernels/activation.c",
            "INLINE Vec NAME(exp_slope)(Vec a) { return a; }\n",
            """
INLINE Vec NAME(softsign)(Vec z) { return z / (1 + Abs(z)); }

INLINE Vec NAME(softsign_slope)(Vec a)
{
    Vec rest = 1 - Abs(a);
    return rest * rest;
}
""",
        ),
        ("src_cython/fastnn/_core/kernels/activation.c", "\nFORWARD(exp)\n", "FORWARD(softsign)\n"),
        (
            "src_cython/fastnn/_core/kernels/activation.c",
            "\nBY_SLOPE(exp)\n",
            "BY_SLOPE(softsign)\n",
        ),
    ],
    [
        (
            "src_cython/fastnn/_core/kernels/activation_numbers.h",
            "    BY_ENTRY(EXP, exp, OUTPUT, way, type, isa)",
            " \\\n    BY_ENTRY(SOFTSIGN, softsign, OUTPUT, way, type, isa)",
        ),
    ],
    [
        (
            "src_cython/fastnn/_core/activation.pxd",
            '        EXP "ACTIVATION_EXP"\n',
            '        SOFTSIGN "ACTIVATION_SOFTSIGN"\n',
        ),
        ("fastnn/_core/activation.pyi", "    EXP = 12\n", "    SOFTSIGN = 13\n"),
    ],
    [
        (
            "fastnn/activations.py",
            '    "exp": Activation.EXP,\n',
            '    "softsign": Activation.SOFTSIGN,\n',
        )
    ],
    [
        (
            "fastnn/functional/_activation.py",
            'exp_backward = _backward("exp", "delta out")\n',
            """softsign = _forward("softsign", "z / (1 + |z|)")
softsign_backward = _backward("softsign", "delta (1 − |out|)²")
""",
        ),
        (
            "fastnn/functional/__init__.py",
            "    softplus,\n    softplus_backward,\n",
            "    softsign,\n    softsign_backward,\n",
        ),
        (
            "fastnn/functional/__init__.py",
            '    "softplus",\n    "softplus_backward",\n',
            '    "softsign",\n    "softsign_backward",\n',
        ),
    ],
    [("fastnn/network.py", '"mish", "softplus"', ', "softsign"')],
    [
        (
            "tests/test_activations.py",
            "    Activation.EXP: np.exp,\n",
            "    Activation.SOFTSIGN: lambda z: z / (1 + np.abs(z)),\n",
        ),
        (
            "tests/test_activations.py",
            "    Activation.EXP: lambda a: a,\n",
            "    Activation.SOFTSIGN: lambda a: (1 - np.abs(a)) ** 2,\n",
        ),
        (
            "tests/test_activations.py",
            "    Activation.EXP: (0, 100),\n",
            "    Activation.SOFTSIGN: (-1, 1),\n",
        ),
        ("tests/test_activations.py", '        "EXP": 12,\n', '        "SOFTSIGN": 13,\n'),
        (
            "tests/test_functional.py",
            '    "exp": np.exp,\n',
            '    "softsign": lambda z: z / (1 + np.abs(z)),\n',
        ),
        ("tests/test_model_parity.py", '    "softplus",\n', '    "softsign",\n'),
    ],
]

COST: list[list[Edit]] = [
    [
        (
            "fastnn/costs.py",
            "CUSTOM = -1\n",
            '''class LogCoshCost:
    """C = Σ ln cosh(a − y), a parabola that becomes a line without a corner."""

    @staticmethod
    def fn(a: np.ndarray, y: np.ndarray) -> float:
        """Return the cost, by |d| + ln(1 + e^(−2|d|)) − ln 2, which never overflows."""
        d = np.abs(a - y)
        return np.sum(d + np.log1p(np.exp(-2 * d)) - np.log(2))

    @staticmethod
    def delta(z: np.ndarray, a: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return tanh(a − y), for identity outputs."""
        return np.tanh(a - y)


CUSTOM = -1
''',
        ),
        ("fastnn/costs.py", '    "QuantileCost",\n', '    "LogCoshCost",\n'),
        (
            "fastnn/costs.py",
            "    QuantileCost: Cost.QUANTILE,\n",
            "    LogCoshCost: Cost.LOG_COSH,\n",
        ),
        (
            "fastnn/costs.py",
            '    QuantileCost: ("identity", "sigmoid"),\n',
            '    LogCoshCost: ("identity", "sigmoid"),\n',
        ),
    ],
    [
        ("fastnn/reference/deltas.py", "    HuberCost,\n", "    LogCoshCost,\n"),
        (
            "fastnn/reference/deltas.py",
            '    QuantileCost: "identity",\n',
            '    LogCoshCost: "identity",\n',
        ),
    ],
    [
        ("src_cython/fastnn/_core/cost.pxd", "    QUANTILE = 6\n", "    LOG_COSH = 7\n"),
        ("fastnn/_core/cost.pyi", "    QUANTILE = 6\n", "    LOG_COSH = 7\n"),
    ],
    [
        (
            "src_cython/fastnn/_core/cost.pyx",
            "from libc.math cimport NAN, exp, fabs, isnan\n",
            "from libc.math cimport log1p, tanh\n",
        ),
        (
            "src_cython/fastnn/_core/cost.pyx",
            "    if cost == ABSOLUTE:\n        return fabs(d)\n",
            """    if cost == LOG_COSH:
        return fabs(d) + log1p(exp(-2 * fabs(d))) - 0.6931471805599453
""",
        ),
        (
            "src_cython/fastnn/_core/cost.pyx",
            "            delta[i] = <floating> ((d > 0) - (d < 0))\n",
            """        elif cost == LOG_COSH:
            delta[i] = <floating> tanh(d)
""",
        ),
        (
            "src_cython/fastnn/_core/cost.pyx",
            "    QUANTILE: (IDENTITY, SIGMOID),\n",
            "    LOG_COSH: (IDENTITY, SIGMOID),\n",
        ),
    ],
    [
        ("fastnn/__init__.py", "        HuberCost,\n", "        LogCoshCost,\n"),
        ("fastnn/__init__.py", '    "HuberCost",\n', '    "LogCoshCost",\n'),
    ],
    [("fastnn/network.py", "``HuberCost``,", " ``LogCoshCost``,")],
    [
        (
            "tests/test_costs.py",
            "    Cost.QUANTILE: QuantileCost(PARAMETER),\n",
            "    Cost.LOG_COSH: LogCoshCost,\n",
        ),
        (
            "tests/test_costs.py",
            "from fastnn.costs import AbsoluteCost, HuberCost,",
            " LogCoshCost,",
        ),
        (
            "tests/test_costs.py",
            "    (Cost.QUANTILE, IDENTITY),\n",
            "    (Cost.LOG_COSH, IDENTITY),\n    (Cost.LOG_COSH, SIGMOID),\n",
        ),
        (
            "tests/test_costs.py",
            "    Cost.ABSOLUTE: lambda a, y: np.sign(a - y),\n",
            "    Cost.LOG_COSH: lambda a, y: np.tanh(a - y),\n",
        ),
        ("tests/test_costs.py", '        "QUANTILE": 6,\n', '        "LOG_COSH": 7,\n'),
        (
            "tests/test_model_parity.py",
            '    "quantile": (costs.QuantileCost(0.3), ("identity", "sigmoid")),\n',
            '    "log-cosh": (costs.LogCoshCost, ("identity", "sigmoid")),\n',
        ),
        (
            "tests/torch_twin.py",
            "    if cost is costs.AbsoluteCost:\n        return d.abs().sum()\n",
            """    if cost is costs.LogCoshCost:
        return d.cosh().log().sum()
""",
        ),
    ],
]

RECIPES = {"Add an activation": ACTIVATION, "Add a cost": COST}

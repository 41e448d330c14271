"""Layers in C: products, normalization and activations, as functions over arrays.

``T`` in a source stands for the type of numbers, ``F`` for the ending of math.h's names in that
type, ``S_`` for the beginning of all names, and ``C(...)`` for a constant.
"""

from __future__ import annotations

import re

__all__ = ["ACTIVATIONS", "DENSE", "NORM", "RESTRICT", "in_type"]

DENSE = """
/* z = b + w x for n_out neurons, the weights of an input side by side; four inputs at a time, so
 * that each sum is loaded and stored a quarter as often. */
static void S_dense(const T *S_RESTRICT w, const T *S_RESTRICT b, const T *S_RESTRICT x, int n_in,
                    int n_out, T *S_RESTRICT z)
{
    int i, j;
    for (j = 0; j < n_out; j++)
        z[j] = b[j];
    for (i = 0; i + 4 <= n_in; i += 4, w += 4 * n_out)
        for (j = 0; j < n_out; j++)
            z[j] += x[i] * w[j] + x[i + 1] * w[n_out + j] + x[i + 2] * w[2 * n_out + j] +
                    x[i + 3] * w[3 * n_out + j];
    for (; i < n_in; i++, w += n_out)
        for (j = 0; j < n_out; j++)
            z[j] += x[i] * w[j];
}
"""

RESTRICT = """
#ifdef __cplusplus
#define S_RESTRICT
#else
#define S_RESTRICT restrict
#endif
"""

NORM = """
/* Each group of n neighbouring neurons to mean 0 and variance 1, then scaled and shifted. */
static void S_normalize(T *z, int groups, int n, T eps, const T *gamma, const T *beta)
{
    int g, j;
    for (g = 0; g < groups; g++, z += n, gamma += n, beta += n) {
        T mean = 0, square = 0, scale;
        for (j = 0; j < n; j++)
            mean += z[j];
        mean /= (T)n;
        for (j = 0; j < n; j++) {
            z[j] -= mean;
            square += z[j] * z[j];
        }
        scale = 1 / sqrtF(square / (T)n + eps);
        for (j = 0; j < n; j++)
            z[j] = z[j] * scale * gamma[j] + beta[j];
    }
}
"""

# What becomes of each z[j]; the rest of the loop is the same. NaN stays NaN.
ELEMENTWISE = {
    "sigmoid": "T e = expF(-fabsF(z[j]));\n        z[j] = (z[j] < 0 ? e : 1) / (1 + e);",
    "tanh": "z[j] = tanhF(z[j]);",
    "relu": "z[j] = z[j] < 0 ? 0 : z[j];",
    "leaky_relu": "z[j] = z[j] < 0 ? C(0.01) * z[j] : z[j];",
    "elu": "z[j] = z[j] > 0 ? z[j] : expm1F(z[j]);",
    "selu": (
        "z[j] = C(1.0507009873554805) * (z[j] > 0 ? z[j] : C(1.6732632423543772) * expm1F(z[j]));"
    ),
    "gelu": "z[j] *= C(0.5) * erfcF(C(-0.7071067811865476) * z[j]);",
    "silu": "T e = expF(-fabsF(z[j]));\n        z[j] *= (z[j] < 0 ? e : 1) / (1 + e);",
    "mish": (
        "T s = (z[j] < 0 ? 0 : z[j]) + log1pF(expF(-fabsF(z[j])));\n        z[j] *= tanhF(s);"
    ),
    "softplus": "z[j] = (z[j] < 0 ? 0 : z[j]) + log1pF(expF(-fabsF(z[j])));",
    "exp": "z[j] = expF(z[j]);",
}

SOFTMAX = """
static void S_softmax(T *z, int n)
{
    T largest = z[0], sum = 0;
    int j;
    for (j = 1; j < n; j++)
        largest = z[j] > largest ? z[j] : largest;
    for (j = 0; j < n; j++)
        sum += z[j] = expF(z[j] - largest);
    for (j = 0; j < n; j++)
        z[j] /= sum;
}
"""


def _loop(name: str, body: str) -> str:
    return (
        f"\nstatic void S_{name}(T *z, int n)\n{{\n    int j;\n    for (j = 0; j < n; j++) {{\n"
        f"        {body}\n    }}\n}}\n"
    )


ACTIVATIONS = {name: _loop(name, body) for name, body in ELEMENTWISE.items()}
ACTIVATIONS["softmax"] = SOFTMAX
ACTIVATIONS["identity"] = ""


def in_type(source: str, real: str, stem: str) -> str:
    """Return a source with the type and the beginning of names put in."""
    ending = "f" if real == "float" else ""
    source = re.sub(r"\bC\(([^()]*)\)", rf"\g<1>{ending}", source)
    source = re.sub(r"\b([a-z0-9]+)F\(", rf"\g<1>{ending}(", source)
    return re.sub(r"\bS_", f"{stem}_", re.sub(r"\bT\b", real, source))

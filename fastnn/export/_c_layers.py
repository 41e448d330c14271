"""Layers in C: products, normalization and activations, as functions over arrays.

``T`` in a source stands for the type of numbers, ``F`` for the ending of math.h's names in that
type, ``S_`` for the beginning of all names, and ``C(...)`` for a constant.
"""

from __future__ import annotations

import re

import numpy as np

__all__ = ["ACTIVATIONS", "DENSE", "NORM", "blocks_of", "in_type", "packed"]

# Neurons that are computed together, so that their sums stay in registers.
BLOCKS = (8, 4, 1)

DENSE = """
/* Sums of N neurons: z = b + w x, the weights of the same input side by side. */
static const T *S_dense_N(const T *w, const T *b, const T *x, int n_in, T *z)
{
    T s[N];
    int i, j;
    for (j = 0; j < N; j++)
        s[j] = b[j];
    for (i = 0; i < n_in; i++, w += N)
        for (j = 0; j < N; j++)
            s[j] += x[i] * w[j];
    for (j = 0; j < N; j++)
        z[j] = s[j];
    return w;
}
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


def blocks_of(n_out: int) -> list[int]:
    """Return how the neurons of a layer are put together."""
    blocks = []
    for size in BLOCKS:
        count, n_out = divmod(n_out, size)
        blocks += [size] * count
    return blocks


def packed(weights: np.ndarray) -> np.ndarray:
    """Return weights (n_out, n_in) in the order in which they are read."""
    ends = np.cumsum(blocks_of(len(weights)))[:-1]
    return np.concatenate([block.T.reshape(-1) for block in np.split(weights, ends)])

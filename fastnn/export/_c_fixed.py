"""Layers in fixed point in C; see ``_fixed`` for what they compute."""

from __future__ import annotations

import re

from fastnn.export._c_layers import ACTIVATIONS, in_type
from fastnn.export._c_networks import LayersInC
from fastnn.export._c_text import integers, literal
from fastnn.export._fixed import FixedLayer, FixedMember

__all__ = ["fixed_layers_in_c"]

SHIFTED = """
/* x / 2^bits, rounded. */
static A S_shifted(A x, int bits)
{
    const A half = ((A)1 << bits) >> 1;
    return x < 0 ? -((half - x) >> bits) : (x + half) >> bits;
}

static int16_t S_saturated(A x)
{
    return (int16_t)(x < -32768 ? -32768 : x > 32767 ? 32767 : x);
}
"""

FIXED = """
/* Numbers as integers; 0 if one of them is none. */
static int S_quantize(const T *x, int n, T scale, int16_t *q)
{
    int i, all = 1;
    for (i = 0; i < n; i++) {
        const T t = floorF(x[i] * scale + C(0.5));
        all = all && t == t;
        q[i] = (int16_t)(t > 32767 ? 32767 : t > -32768 ? t : -32768);
    }
    return all;
}

static A S_sum(const W *w, A sum, const int16_t *x, int n_in)
{
    int i;
    for (i = 0; i < n_in; i++)
        sum += (A)w[i] * x[i];
    return sum;
}

/* The last layer, whose weighted inputs become numbers again. */
static void S_last(const W *w, const A *b, const int16_t *x, int n_in, int n_out, T scale, T *z)
{
    int j;
    for (j = 0; j < n_out; j++, w += n_in)
        z[j] = (T)S_sum(w, b[j], x, n_in) * scale;
}
"""

HIDDEN = """
static void S_hidden(const W *w, const A *b, const int16_t *x, int n_in, int n_out, int bits,
                     int16_t *z)
{
    int j;
    for (j = 0; j < n_out; j++, w += n_in)
        z[j] = S_saturated(S_shifted(S_sum(w, b[j], x, n_in), bits));
}
"""

RELU = """
static void S_relu_fixed(int16_t *z, int n)
{
    int j;
    for (j = 0; j < n; j++)
        z[j] = z[j] < 0 ? 0 : z[j];
}
"""

BY_TABLE = """
/* f(z) by its values at -32768, -32512, ..., 32768, on straight lines between. */
static void S_by_table(const int16_t *f, int16_t *z, int n)
{
    int j;
    for (j = 0; j < n; j++) {
        const int place = (z[j] + 32768) >> 8, rest = (z[j] + 32768) & 255;
        const int low = f[place], high = f[place + 1];
        z[j] = (int16_t)(low + S_shifted((A)(high - low) * rest, 8));
    }
}
"""


def fixed_layers_in_c(
    members: list[FixedMember], kind: str, stem: str, real: str, inputs: str
) -> LayersInC:
    """Return tables, functions and statements; weights are of ``kind``."""
    sums = _sum_type(members)
    layers = [layer for member in members for layer in member.layers]
    outputs = {member.layers[-1].activation for member in members}
    functions = [_typed(each, kind, sums) for each in _functions(members)]
    functions += [ACTIVATIONS[name] for name in sorted(outputs)]
    width = max(max(layer.weights.shape) for layer in layers)
    buffers = "ab" if any(len(member.layers) > 1 for member in members) else "a"
    return LayersInC(
        [_tables(each, f"{stem}_{m}", f"{kind}_t", sums) for m, each in enumerate(members)],
        [in_type(each, real, stem) for each in functions],
        [(_body(each, stem, f"{stem}_{m}", real, inputs), "z") for m, each in enumerate(members)],
        {"z": len(members[0].layers[-1].bias)},
        sum(_bytes(layer, int(kind[3:]) // 8, int(sums[3:5]) // 8) for layer in layers),
        f"    int16_t {', '.join(f'{name}[{width}]' for name in buffers)};\n",
        2 * width * len(buffers),
    )


def _typed(source: str, kind: str, sums: str) -> str:
    return re.sub(r"\bA\b", sums, re.sub(r"\bW\b", f"{kind}_t", source))


def _sum_type(members: list[FixedMember]) -> str:
    """Return the narrowest type of integers in which all sums fit, and are rounded."""
    largest = max(layer.largest_sum for member in members for layer in member.layers)
    return "int32_t" if largest < 2.0**30 else "int64_t"


def _functions(members: list[FixedMember]) -> list[str]:
    """Return the functions that the layers need."""
    hidden = [layer for member in members for layer in member.layers[:-1]]
    found = [SHIFTED] if hidden else []
    found += [FIXED]
    found += [HIDDEN] if hidden else []
    found += [RELU] if any(layer.activation == "relu" for layer in hidden) else []
    return found + ([BY_TABLE] if any(layer.table is not None for layer in hidden) else [])


def _tables(member: FixedMember, beginning: str, kind: str, sums: str) -> str:
    """Return the tables of a network, with weights of type ``kind`` and biases of ``sums``."""
    parts = []
    for l, layer in enumerate(member.layers):
        parts.append(integers(f"{beginning}_w{l}", layer.weights.reshape(-1), kind))
        parts.append(integers(f"{beginning}_b{l}", layer.bias, sums))
        if layer.table is not None:
            parts.append(integers(f"{beginning}_f{l}", layer.table, "int16_t"))
    return "".join(parts)


def _bytes(layer: FixedLayer, weight: int, sums: int) -> int:
    """Return the bytes of a layer's tables, given those of a weight and of a sum."""
    table = 0 if layer.table is None else 2 * len(layer.table)
    return table + weight * layer.weights.size + sums * layer.bias.size


def _body(member: FixedMember, stem: str, beginning: str, real: str, inputs: str) -> str:
    """Return the statements of a network, which leave ``z``."""
    n_in = member.layers[0].weights.shape[1]
    scale = literal(2.0**member.input_bits, real)
    lines = [f"known = {stem}_quantize({inputs}, {n_in}, {scale}, a) && known;"]
    source = "a"
    for l, layer in enumerate(member.layers):
        to = "b" if source == "a" else "a"
        lines += _layer(layer, stem, f"{beginning}_", l, real, source, to, member)
        source = to
    return "".join(f"    {line}\n" for line in lines)


def _layer(
    layer: FixedLayer, stem: str, beginning: str, l: int, real: str, source: str, to: str,
    member: FixedMember,
) -> list[str]:  # fmt: skip
    n_out, n_in = layer.weights.shape
    tables = f"{beginning}w{l}, {beginning}b{l}, {source}, {n_in}, {n_out}"
    if layer is member.layers[-1]:
        lines = [f"{stem}_last({tables}, {literal(2.0**-layer.sum_bits, real)}, z);"]
        if layer.activation != "identity":
            lines.append(f"{stem}_{layer.activation}(z, {n_out});")
        return lines
    lines = [f"{stem}_hidden({tables}, {layer.sum_bits - layer.z_bits}, {to});"]
    if layer.table is not None:
        lines.append(f"{stem}_by_table({beginning}f{l}, {to}, {n_out});")
    elif layer.activation == "relu":
        lines.append(f"{stem}_relu_fixed({to}, {n_out});")
    return lines

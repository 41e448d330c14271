"""The format ``.mjs``: an ES module with typed arrays, for browsers and node."""

from __future__ import annotations

import base64
import json
import re

import numpy as np

from fastnn._common.version import version
from fastnn.export._folded import Folded, folded
from fastnn.export._graph import Graph, Stage
from fastnn.export._metadata import metadata_of

__all__ = ["javascript_source"]

HEAD = """\
// A model written by fastnn @VERSION@: one row of numbers (and texts) at a time.
// It needs nothing but what every browser and node have. Numbers are little-endian.

export const nIn = @N_IN@;
export const features = @FEATURES@;
export const classes = @CLASSES@;
export const metadata = @METADATA@;

const numbers = (text) =>
  new Float64Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const same = (x, value) => x === value || (x !== x && value !== value);
const sigmoid = (z) => (z < 0 ? Math.exp(z) / (1 + Math.exp(z)) : 1 / (1 + Math.exp(-z)));
const softplus = (z) => Math.max(0, z) + Math.log1p(Math.exp(-Math.abs(z)));

// 1 - erf(x): near 0 by the series e^(-x^2) 2x/sqrt(pi) (1 + 2x^2/3 + (2x^2)^2/15 + ...), far from
// it by Laplace's continued fraction.
function erfc(x) {
  if (x < 0) return 2 - erfc(-x);
  const e = Math.exp(-x * x) / Math.sqrt(Math.PI);
  if (x < 2.5) {
    let term = 2 * x, sum = term;
    for (let n = 1; term > 1e-18 * sum; n++) sum += term *= (2 * x * x) / (2 * n + 1);
    return 1 - e * sum;
  }
  let f = x;
  for (let n = 60; n > 0; n--) f = x + n / 2 / f;
  return e / f;
}

function softmax(z) {
  const largest = Math.max(...z);
  const e = z.map((each) => Math.exp(each - largest));
  const sum = e.reduce((a, b) => a + b);
  return e.map((each) => each / sum);
}

function dense(h, { W, b, norm, f }) {
  const z = Float64Array.from(b), n = b.length;
  for (let i = 0; i < h.length; i++)
    for (let j = 0; j < n; j++) z[j] += h[i] * W[i * n + j];
  if (norm) normalize(z, norm);
  return f === softmax ? softmax(z) : z.map(f);
}

// Each group of neighbouring neurons to mean 0 and variance 1, then scaled and shifted.
function normalize(z, { groups, eps, gamma, beta }) {
  const n = z.length / groups;
  for (let start = 0; start < z.length; start += n) {
    let mean = 0, square = 0;
    for (let j = start; j < start + n; j++) mean += z[j] / n;
    for (let j = start; j < start + n; j++) square += (z[j] - mean) ** 2 / n;
    for (let j = start; j < start + n; j++)
      z[j] = ((z[j] - mean) / Math.sqrt(square + eps)) * gamma[j] + beta[j];
  }
}

// Of a text the number of its category, -1 for any other; null and undefined are missing.
const texts = @TEXTS@;
function number(x, i) {
  if (x === null || x === undefined) return NaN;
  if (i in texts && typeof x === "string") return texts[i].indexOf(x);
  if (i in texts && x !== x) return NaN;
  if (i in texts) return -1;
  if (typeof x !== "number" && typeof x !== "boolean")
    throw new TypeError(`row: expected a number in column ${i}, got ${typeof x}`);
  return Number(x);
}

const stages = {
  center: (x, a, b) => (x - a) / b,
  scale: (x, a, b) => x * a + b,
  clip: (x, a, b) => (x < a ? a : x > b ? b : x),
  fill: (x, a, b) => (same(x, b) ? a : x),
  equals: (x, a) => Number(same(x, a)),
  bend: (x, a, b) => {
    const u = Math.min(1e100, Math.max(-1e100, (x - a) * b));
    return u / Math.sqrt(1 + (u / 3) ** 2);
  },
};

function lookedUp(x, keys, values, fallback, column) {
  const place = keys.findIndex((key) => same(x, key));
  if (place < 0 && fallback === null)
    throw new RangeError(`row: an unknown category in column ${column}`);
  return place < 0 ? fallback : values[place];
}

function prepared(row) {
  if (row.length !== nIn) throw new RangeError(`row: expected ${nIn} columns, got ${row.length}`);
  const v = Array.from({ length: nIn }, (_, i) => (used.has(i) ? number(row[i], i) : 0));
  if (v.some((x) => x === Infinity || x === -Infinity))
    throw new RangeError("row: expected finite numbers, got infinite ones");
  for (const { kind, sources, a, b, fallback } of preparation)
    if (kind === "lookup") v.push(lookedUp(v[sources[0]], a, b, fallback, sources[0]));
    else v.push(...sources.map((source, k) => stages[kind](v[source], a[k], b[k])));
  const inputs = columns ? columns.map((i) => v[i]) : v;
  if (!inputs.every(Number.isFinite))
    throw new RangeError("row: expected finite numbers, got some that are missing");
  return inputs;
}

function outputs(row) {
  const inputs = prepared(row);
  const found = members.map((layers) => layers.reduce(dense, inputs));
  return found[0].map((_, j) => found.reduce((sum, each) => sum + each[j], 0) / found.length);
}
"""

FUNCTIONS = {
    "identity": "(z) => z",
    "sigmoid": "sigmoid",
    "tanh": "Math.tanh",
    "relu": "(z) => Math.max(0, z)",
    "leaky_relu": "(z) => (z > 0 ? z : 0.01 * z)",
    "elu": "(z) => (z > 0 ? z : Math.expm1(z))",
    "selu": "(z) => 1.0507009873554805 * (z > 0 ? z : 1.6732632423543772 * Math.expm1(z))",
    "gelu": "(z) => 0.5 * z * erfc(-Math.SQRT1_2 * z)",
    "silu": "(z) => z * sigmoid(z)",
    "mish": "(z) => z * Math.tanh(softplus(z))",
    "softplus": "softplus",
    "softmax": "softmax",
    "exp": "Math.exp",
}

NETWORK = """
// The outputs for a row.
export const predict = (row) => outputs(row);
"""

LABEL_OF_NETWORK = """
// The label of a row.
export function label(row) {
  const found = outputs(row);
  return classes[found.length === 1 ? Number(found[0] > 0.5) : found.indexOf(Math.max(...found))];
}
"""

CLASSIFIER = """
// The probability of each class, as classes go.
export function predictProba(row) {
  const found = outputs(row);
  return found.length === 1 ? Float64Array.of(1 - found[0], found[0]) : found;
}

// The most probable label of a row.
export function predict(row) {
  const found = predictProba(row);
  return classes[found.indexOf(Math.max(...found))];
}
"""

MULTILABEL = """
// The probability of each label.
export const predictProba = (row) => outputs(row);

// 0 or 1 for each label of a row.
export const predict = (row) => Array.from(outputs(row), (p) => Number(p > 0.5));
"""

REGRESSOR = """
// The prediction for a row: a number, or several.
export function predict(row) {
  const found = outputs(row);
  return found.length === 1 ? found[0] : found;
}
"""

BY_KIND = {
    "network": NETWORK,
    "classifier": CLASSIFIER,
    "multilabel": MULTILABEL,
    "regressor": REGRESSOR,
}


def javascript_source(graph: Graph) -> str:
    """Return the source of an ES module that computes in float64 what ``graph`` says."""
    preparation = graph.preparation
    values = {
        "VERSION": version(),
        "N_IN": str(preparation.n_in),
        "FEATURES": json.dumps(graph.features),
        "CLASSES": json.dumps(list(graph.classes) or None),
        "METADATA": json.dumps(metadata_of(graph)),
        "TEXTS": json.dumps({str(i): list(known) for i, known in preparation.texts.items()}),
    }
    # All at once: a name may look like a place.
    head = re.sub("@([A-Z_]+)@", lambda place: values[place[1]], HEAD)
    used = np.concatenate([preparation.columns, *(s.sources for s in preparation.stages)])
    given = sorted({int(i) for i in used if i < preparation.n_in})
    columns = "null" if preparation.is_plain else json.dumps(preparation.columns.tolist())
    members = [_member(folded(member)) for member in graph.members]
    return "".join(
        [
            head,
            f"\nconst used = new Set({json.dumps(given)});\nconst columns = {columns};\n",
            f"const preparation = [\n{''.join(map(_stage, preparation.stages))}];\n",
            f"const members = [\n{''.join(members)}];\n",
            BY_KIND[graph.kind],
            LABEL_OF_NETWORK if graph.kind == "network" and graph.classes else "",
        ]
    )


def _numbers(values: np.ndarray) -> str:
    return f'numbers("{base64.b64encode(values.astype("<f8").tobytes()).decode()}")'


def _member(layers: list[Folded]) -> str:
    return "  [\n" + "".join(f"    {_layer(layer)},\n" for layer in layers) + "  ],\n"


def _layer(layer: Folded) -> str:
    norm = "null"
    if layer.norm is not None:
        norm = (
            f"{{ groups: {layer.norm.groups}, eps: {layer.norm.eps!r}, "
            f"gamma: {_numbers(layer.norm.gamma)}, beta: {_numbers(layer.norm.beta)} }}"
        )
    return (
        f"{{ W: {_numbers(layer.weights.T)}, b: {_numbers(layer.bias)}, norm: {norm}, "
        f"f: {FUNCTIONS[layer.activation]} }}"
    )


def _stage(stage: Stage) -> str:
    fallback = "null"
    if stage.default is not None:
        fallback = "NaN" if stage.default != stage.default else repr(stage.default)
    return (
        f'  {{ kind: "{stage.kind}", sources: {json.dumps(stage.sources.tolist())}, '
        f"a: {_numbers(stage.a)}, b: {_numbers(stage.b)}, fallback: {fallback} }},\n"
    )

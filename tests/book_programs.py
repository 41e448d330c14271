"""Programs of the book's kind with methods, costs and functions of their own, drawn by a seed.

A program is run on any module that has the book's names, and leaves all that can be seen of it.
"""

from __future__ import annotations

import contextlib
import io
import random
import re
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np


@dataclass
class Seen:
    """What one run left: what it printed, returned, called, and its layers after it."""

    printed: str = ""
    lists: Any = None
    log: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)
    biases: list[Any] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    extra: list[Any] = field(default_factory=list)


# --- costs of a program's own: ∂C/∂z and the cost of one example


def by_argmax(z, a, y):
    return (a - y) * (1 + np.argmax(y))


def by_norm(z, a, y):
    return (a - y) / (0.1 + np.linalg.norm(a - y))


def by_mean(z, a, y):
    return (a - y) - np.mean(a - y)


def by_branch(z, a, y):
    if np.max(z) > 0.5:
        return 0.3 * (a - y)
    return a - y


def by_truth(z, a, y):
    return 2 * (a - y) if y[0] else a - y


def by_first(z, a, y):
    return a - y if a[0, 0] > 0.5 else np.sign(a - y)


def by_order(z, a, y):
    return np.cumsum(a - y).reshape(a.shape)


def by_softmax(z, a, y):
    e = np.exp(z - z.max())
    return e / e.sum() - y


def by_list(z, a, y):
    return [[float(v)] for v in np.ravel(a - y)]


def by_whole_numbers(z, a, y):
    return np.where(a > 0.5, 1, -1)


def by_single(z, a, y):
    return (a - y).astype(np.float32).astype(np.float64)


def in_place(z, a, y):
    a -= y
    z *= 0
    return a


def into_the_target(z, a, y):
    y *= 0.999
    return a - y


def by_matrix_product(z, a, y):
    return a - y + 0.01 * a @ (a.T @ y)


def worst_only(z, a, y):
    d = np.zeros_like(a)
    i = np.argmax(np.abs(a - y))
    d[i] = (a - y)[i]
    return d


def drawn(z, a, y):
    return (a - y) * np.random.rand(*a.shape)


def one_drawn(z, a, y):
    return (a - y) * (random.random() < 0.7)


DELTAS = [
    by_argmax,
    by_norm,
    by_mean,
    by_branch,
    by_truth,
    by_first,
    by_order,
    by_softmax,
    by_list,
    by_whole_numbers,
    by_single,
    in_place,
    into_the_target,
    by_matrix_product,
    worst_only,
    drawn,
    one_drawn,
]


def largest(a, y):
    return np.max(np.abs(a - y))


def at_the_class(a, y):
    return -np.log(a[np.argmax(y), 0])


def as_matrix(a, y):
    return (a - y).T @ (a - y)


def each_output(a, y):
    return (a - y) ** 2


def unequal(a, y):
    return 1.0 if np.argmax(a) != np.argmax(y) else 0.25


FUNCTIONS = [largest, at_the_class, as_matrix, each_output, unequal]


def own_cost(rng, module, log):
    """Return a cost: a class, an object, a subclass, one with a state."""
    delta, fn = DELTAS[rng.integers(len(DELTAS))], FUNCTIONS[rng.integers(len(FUNCTIONS))]
    kind = rng.integers(6)
    if kind == 0:
        return type("Own", (), {"fn": staticmethod(fn), "delta": staticmethod(delta)})
    if kind == 1:
        return type("Own", (module.QuadraticCost,), {"fn": staticmethod(fn)})
    if kind == 2:
        return type("Own", (module.CrossEntropyCost,), {"delta": staticmethod(delta)})
    if kind == 3:
        return SimpleNamespace(__name__="Own", fn=fn, delta=delta)

    class Counting:
        def __init__(self):
            self.calls = 0

        def fn(self, a, y):
            self.calls += 1
            return fn(a, y) * (1 + self.calls % 3)

        def delta(self, z, a, y):
            self.calls += 1
            log.append(("delta", z.shape, np.shape(y), round(float(a[0, 0]), 6)))
            return (a - y) * (1 + self.calls % 3) if kind == 4 else delta(z, a, y)

    return Counting()


# --- methods of a program's own: each returns what stands in a subclass


def step_with_momentum(rng, base, log):
    def update_mini_batch(self, mini_batch, eta, *rest):
        if not hasattr(self, "velocity"):
            self.velocity = [np.zeros(w.shape) for w in self.weights]
        for x, y in mini_batch:
            _, nabla_w = self.backprop(x, y)
            self.velocity = [
                0.5 * v - eta / len(mini_batch) * nw
                for v, nw in zip(self.velocity, nabla_w, strict=True)
            ]
        self.weights = [w + v for w, v in zip(self.weights, self.velocity, strict=True)]

    return {"update_mini_batch": update_mini_batch}


def step_in_place(rng, base, log):
    def update_mini_batch(self, mini_batch, eta, *rest):
        for x, y in mini_batch:
            nabla_b, nabla_w = self.backprop(x, y)
            for l in range(self.num_layers - 1):
                self.weights[l] -= eta * nabla_w[l] / len(mini_batch)
                self.biases[l] = self.biases[l] - eta * nabla_b[l] / len(mini_batch)

    return {"update_mini_batch": update_mini_batch}


def step_and_clip(rng, base, log):
    def update_mini_batch(self, mini_batch, eta, *rest):
        log.append(("step", len(mini_batch), eta))
        base.update_mini_batch(self, mini_batch, eta, *rest)
        self.weights = [np.clip(w, -1, 1) for w in self.weights]

    return {"update_mini_batch": update_mini_batch}


def clipped_gradients(rng, base, log):
    def backprop(self, x, y):
        nabla_b, nabla_w = base.backprop(self, x, y)
        return nabla_b, [np.clip(nw, -0.05, 0.05) for nw in nabla_w]

    return {"backprop": backprop}


def noisy_inputs(rng, base, log):
    def backprop(self, x, y):
        log.append(("backprop", x.dtype.str, x.shape))
        return base.backprop(self, x + 0.01 * np.random.randn(*x.shape), y)

    return {"backprop": backprop}


def own_answers(rng, base, log):
    def feedforward(self, a):
        for b, w in zip(self.biases[:-1], self.weights[:-1], strict=True):
            a = np.maximum(0, np.dot(w, a) + b)
        return np.exp(-np.abs(np.dot(self.weights[-1], a) + self.biases[-1]))

    return {"feedforward": feedforward}


def contrary_answers(rng, base, log):
    def feedforward(self, a):
        return 1 - base.feedforward(self, a)

    return {"feedforward": feedforward}


def own_derivative(rng, base, log):
    delta = DELTAS[rng.integers(len(DELTAS))]

    def cost_derivative(self, output_activations, y):
        return np.asarray(delta(output_activations * 2 - 1, output_activations, y))

    return {"cost_derivative": cost_derivative}


def rough_accuracy(rng, base, log):
    def accuracy(self, data, convert=False):
        log.append(("accuracy", len(data), convert, type(data).__name__))
        right = 0
        for x, y in data[:7]:
            best = np.argsort(np.ravel(self.feedforward(x)))[-2:]
            right += int((np.argmax(y) if convert else y) in best)
        return right

    return {"accuracy": accuracy}


def counted_accuracy(rng, base, log):
    def accuracy(self, data, convert=False):
        self.asked = getattr(self, "asked", 0) + 1
        return base.accuracy(self, data, convert) + self.asked % 4

    return {"accuracy": accuracy}


def own_total(rng, base, log):
    def total_cost(self, data, lmbda, convert=False):
        log.append(("total_cost", len(data), lmbda, convert))
        return sum(float(np.sum(self.feedforward(x))) for x, _ in data[:5])

    return {"total_cost": total_cost}


def more_total(rng, base, log):
    def total_cost(self, data, lmbda, convert=False):
        weights = sum(np.sum(np.abs(w)) for w in self.weights)
        return base.total_cost(self, data, lmbda, convert) + lmbda * weights

    return {"total_cost": total_cost}


def own_evaluation(rng, base, log):
    def evaluate(self, test_data):
        log.append(("evaluate", type(test_data).__name__, type(test_data[0]).__name__))
        return sum(float(np.sum(self.feedforward(pair[0]))) for pair in test_data)

    return {"evaluate": evaluate}


def more_evaluation(rng, base, log):
    def evaluate(self, test_data):
        return base.evaluate(self, test_data) - len(test_data)

    return {"evaluate": evaluate}


def own_beginning(rng, base, log):
    """An ``__init__`` that never calls the book's, in the forms that programs have."""
    form = rng.integers(3)

    def __init__(self, sizes, cost=None):
        if form == 0:
            self.weights, self.biases = [], []
            for n_in, n_out in pairwise(sizes):
                self.weights.append(np.random.uniform(-0.5, 0.5, (n_out, n_in)))
                self.biases.append(np.zeros((n_out, 1)))
            self.num_layers, self.sizes = len(sizes), tuple(sizes)
        else:
            self.num_layers = len(sizes)
            self.sizes = sizes
            self.biases = [np.zeros((n, 1)) for n in sizes[1:]]
            self.weights = [np.random.randn(n, m) * 0.3 for m, n in pairwise(sizes)]
            if form == 2 and cost is not None:  # the first network has no initializer
                self.default_weight_initializer()
        if cost is not None:
            self.cost = cost

    return {"__init__": __init__}


def own_initializer(rng, base, log):
    def default_weight_initializer(self):
        base.default_weight_initializer(self)
        self.biases = [0 * b for b in self.biases]
        self.weights[0] = self.weights[0] * 0.5

    return {"default_weight_initializer": default_weight_initializer}


def slower_and_slower(rng, base, log):
    def SGD(self, training_data, epochs, mini_batch_size, eta, *rest, **named):
        for k in range(2):
            result = base.SGD(
                self, training_data, epochs, mini_batch_size, eta / 2**k, *rest, **named
            )
        return result

    return {"SGD": SGD}


def step_with_matrices(rng, base, log):
    """The book's exercise: all examples of a mini-batch as the columns of one matrix."""

    def update_mini_batch(self, mini_batch, eta, *rest):
        X = np.hstack([x for x, _ in mini_batch])
        Y = np.hstack([y for _, y in mini_batch])
        nabla_b, nabla_w = self.backprop(X, Y)
        rate = eta / len(mini_batch)
        self.weights = [w - rate * nw for w, nw in zip(self.weights, nabla_w, strict=True)]
        self.biases = [
            b - rate * nb.sum(axis=1, keepdims=True)
            for b, nb in zip(self.biases, nabla_b, strict=True)
        ]

    return {"update_mini_batch": update_mini_batch}


BOTH = [
    step_with_matrices,
    step_with_momentum,
    step_in_place,
    step_and_clip,
    clipped_gradients,
    noisy_inputs,
    own_answers,
    contrary_answers,
    own_beginning,
    slower_and_slower,
]
FIRST = [own_derivative, own_evaluation, more_evaluation]
SECOND = [rough_accuracy, counted_accuracy, own_total, more_total, own_initializer]


# --- what a program puts into the module: name and value


def tanh_like(z):
    return (1 + np.tanh(z)) / 2


def hard(z):
    return np.clip(0.25 * z + 0.5, 0.01, 0.99)


def patches_of(rng, module, log):
    """Return what is set before the run: (object, name, value)."""
    networks = {"backprop": clipped_gradients, "feedforward": contrary_answers}
    name = list(networks)[rng.integers(2)]
    kind, network = rng.integers(9), module.Network
    if kind == 0:
        return [(module.functions, "sigmoid", tanh_like)]
    if kind == 1:
        return [(module.functions, "sigmoid_prime", lambda z: 0.1 + 0 * z)]
    if kind == 2:
        return [
            (module.functions, "sigmoid", hard),
            (module.functions, "sigmoid_prime", lambda z: np.where(np.abs(z) < 2, 0.25, 0.0)),
        ]
    if kind == 3:
        # Whatever it calls is the class's own, which this replaces.
        original = SimpleNamespace(**{name: getattr(network, name)})
        return [(network, name, networks[name](rng, original, log)[name])]
    if kind == 4:
        delta = DELTAS[rng.integers(len(DELTAS))]
        return [(module.CrossEntropyCost, "delta", staticmethod(delta))]
    if kind == 5:
        return [(module.QuadraticCost, "fn", staticmethod(largest))]
    if kind == 6:
        return [(module.functions, "vectorized_result", lambda j: np.full((10, 1), 0.1 * j))]
    if kind == 7:
        return [
            (random, "shuffle", lambda pairs: pairs.sort(key=lambda pair: float(pair[0][0, 0])))
        ]
    draws = np.random.RandomState(7)
    return [(np.random, "randn", lambda *shape: draws.uniform(-1, 1, shape))]


@contextlib.contextmanager
def patched(changes):
    missing = object()
    before = [(thing, name, vars(thing).get(name, missing)) for thing, name, _ in changes]
    try:
        for thing, name, value in changes:
            setattr(thing, name, value)
        yield
    finally:
        for thing, name, value in before:
            if value is missing:
                delattr(thing, name)
            else:
                setattr(thing, name, value)


# --- a whole program


def data_of(rng, sizes):
    labels = rng.integers(0, sizes[-1], 23)
    kind = np.float32 if rng.random() < 0.2 else np.float64
    xs = rng.random((23, sizes[0], 1)).astype(kind)
    training = [(x, np.eye(sizes[-1])[:, [j]]) for x, j in zip(xs, labels, strict=True)]
    other = rng.random((11, sizes[0], 1))
    evaluation = list(zip(other, rng.integers(0, sizes[-1], 11).tolist(), strict=True))
    return training, evaluation


def run(seed: int, module: Any, chapter: int) -> Seen:
    """Run the program of this seed on a module: ``Network``, the costs and ``functions``."""
    rng = np.random.default_rng(seed)
    seen = Seen()
    sizes = [int(n) for n in rng.integers(2, 6, rng.integers(1, 4))]
    sizes.append(10 if chapter == 2 else int(rng.integers(2, 6)))
    training, evaluation = data_of(rng, sizes)
    places = {id(pair): i for i, pair in enumerate(training)}
    pool = BOTH + (FIRST if chapter == 1 else SECOND)
    chosen = rng.choice(len(pool), rng.integers(0, 4), replace=False)
    changes = patches_of(rng, module, seen.log) if rng.random() < 0.4 else []
    random.seed(seed)
    np.random.seed(seed)
    with patched(changes), contextlib.redirect_stdout(io.StringIO()) as out:
        kind = module.Network
        for i in chosen:
            kind = type("Own", (kind,), pool[i](rng, kind, seen.log))
        arguments = [sizes]
        if chapter == 2:
            costs = module.QuadraticCost, module.CrossEntropyCost
            mine = rng.random() < 0.6
            arguments.append(own_cost(rng, module, seen.log) if mine else costs[rng.integers(2)])
        net = kind(*arguments)
        options = [int(rng.integers(1, 4)), int(rng.integers(1, 9)), float(rng.uniform(0.1, 2))]
        if chapter == 1:
            test = None if rng.random() < 0.2 else evaluation
            seen.lists = net.SGD(training, *options, test)
        else:
            flags = [bool(flag) for flag in rng.random(4) < 0.6]
            flags[1] |= rng.random() < 0.3
            patience = int(rng.integers(1, 3)) if flags[1] and rng.random() < 0.4 else 0
            lmbda = float(rng.choice([0.0, 0.5]))
            seen.lists = net.SGD(training, *options, lmbda, evaluation, *flags, patience)
        seen.extra.append(net.feedforward(evaluation[0][0]))
        nabla_b, nabla_w = net.backprop(*training[0])
        seen.extra += [*nabla_b, *nabla_w]
        if rng.random() < 0.3:  # once more, with a step and a replaced method on the object
            net.update_mini_batch(training[:3], 0.1, *((0.2, 23) if chapter == 2 else ()))
            net.feedforward = lambda x: np.sin(x.sum() * np.arange(sizes[-1])[:, np.newaxis])
            seen.extra.append(
                net.evaluate(evaluation) if chapter == 1 else net.accuracy(evaluation)
            )
    seen.printed = out.getvalue()
    seen.weights, seen.biases = list(net.weights), list(net.biases)
    seen.order = [places[id(pair)] for pair in training]
    return seen


def numbers_of(text: str) -> tuple[list[float], str]:
    """Return the numbers in a text, and the text without them."""
    number = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?")
    return [float(each) for each in number.findall(text)], re.sub(
        r"\s+", " ", number.sub("#", text)
    )

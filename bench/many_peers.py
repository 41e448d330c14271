"""Many trainings of one small network, as fastnn and its peers do them; for ``bench.many``."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import metadata, util
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

BETAS, EPS = (0.9, 0.999), 1e-8  # of Adam, for all


@dataclass(frozen=True)
class Many:
    """Independent trainings of n_in-hidden-1, which differ in their seed only.

    ReLU, an identity output and half the square error, by Adam; each shuffles its own rows.

    Attributes
    ----------
    X, y, X_val, y_val : ndarray of shape (n, n_in), (n,), and the same of the validation rows
        In the dtype to train in.
    hidden, count, epochs, batch : int
        Hidden units, networks, passes over the rows, rows a step.
    rate : float
        The learning rate.
    cores : int
        How many may be used.
    """

    X: np.ndarray
    y: np.ndarray
    X_val: np.ndarray
    y_val: np.ndarray
    hidden: int = 32
    count: int = 1_000
    epochs: int = 50
    batch: int = 64
    rate: float = 0.001
    cores: int = 2

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Units per layer, the input first."""
        return self.X.shape[1], self.hidden, 1


class Trainer(ABC):
    """One way to train them all.

    Attributes
    ----------
    name, label, distribution, module, role : str
        As of ``bench.contenders.base.Contender``.
    share : int
        It trains one network of so many, and its seconds are scaled up.
    """

    name: str
    label: str
    distribution: str
    module: str
    role = "peer"
    share = 1

    @classmethod
    def installed(cls) -> bool:
        """Whether the library is there (without importing it)."""
        return util.find_spec(cls.module.partition(".")[0]) is not None and (
            util.find_spec(cls.module) is not None
        )

    @classmethod
    def version(cls) -> str:
        """Version of the library."""
        return metadata.version(cls.distribution)

    def timed(self, many: Many) -> int:
        """How many of the networks it trains."""
        return max(many.count // self.share, min(many.count, 2))

    def pools(self, many: Many) -> AbstractContextManager:
        """Hold the library's thread pools for the length of a with block."""
        return nullcontext()

    def prepare(self, many: Many) -> None:  # noqa: B027 most need nothing
        """Do what is done once and not timed: start processes, compile."""

    @abstractmethod
    def train(self, many: Many) -> np.ndarray:
        """Train ``timed(many)`` networks; return the validation cost of each."""


# fastnn


def setting_of(many: Many) -> dict[str, Any]:
    """Return the problem as a setting of ``fit_many``."""
    return {
        "sizes": list(many.sizes), "cost": "quadratic", "activation": "relu",
        "output": "identity", "initializer": "xavier_uniform", "dtype": many.X.dtype.name,
        "epochs": many.epochs, "batch_size": many.batch, "optimizer": "adam",
        "learning_rate": many.rate,
    }  # fmt: skip


class FitMany(Trainer):
    """``fit_many``, one call."""

    name, label, role = "fastnn", "fastnn, fit_many", "ours"
    distribution, module = "fastnn", "fastnn.many"

    @classmethod
    def version(cls) -> str:
        import fastnn

        return fastnn.__version__

    def train(self, many: Many) -> np.ndarray:
        from fastnn.many import fit_many

        table = fit_many(
            many.X, many.y, [setting_of(many)], seeds=range(self.timed(many)),
            validation_data=(many.X_val, many.y_val), keep="none", n_jobs=many.cores,
        ).to_dict()  # fmt: skip
        wrong = [error for error in table["error"] if error]
        if wrong:
            raise RuntimeError(f"fit_many: {wrong[0]}")
        return np.asarray(table["validation_cost"], dtype=np.float64)


class Loop(FitMany):
    """The same networks one after another, a Network and a fit each."""

    name, label, module = "fastnn_loop", "fastnn, a loop over fit", "fastnn"
    role = "ours, one by one"
    share = 10

    def train(self, many: Many) -> np.ndarray:
        import fastnn

        setting = setting_of(many) | {"cost": fastnn.QuadraticCost}
        made = ("sizes", "cost", "activation", "output", "initializer", "dtype")
        costs = []
        for seed in range(self.timed(many)):
            net = fastnn.Network(**{key: setting[key] for key in made}, rng=seed)
            fitted = {key: value for key, value in setting.items() if key not in made}
            net.fit(many.X, many.y, **fitted, n_threads=1)
            costs.append(half_square(net.predict(many.X_val)[:, 0], many))
        return np.array(costs)


# scikit-learn


def half_square(outputs: np.ndarray, many: Many) -> float:
    """Return the mean cost of outputs (n,) for the validation rows."""
    return float(np.square(outputs - many.y_val, dtype=np.float64).mean() / 2)


def fit_one(many: Many, seed: int) -> float:
    """Train scikit-learn's perceptron; return its validation cost."""
    from sklearn import config_context
    from sklearn.neural_network import MLPRegressor

    model = MLPRegressor(
        hidden_layer_sizes=(many.hidden,), alpha=0.0, batch_size=many.batch,
        learning_rate_init=many.rate, max_iter=many.epochs, n_iter_no_change=np.inf,
        random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings(), config_context(assume_finite=True), threadpool_limits(1):
        warnings.simplefilter("ignore")  # that the end was not reached
        return half_square(model.fit(many.X, many.y).predict(many.X_val), many)


class ScikitLoop(Trainer):
    """``MLPRegressor`` one after another; BLAS takes one thread, as its products are small."""

    name, label = "sklearn", "scikit-learn, a loop"
    distribution, module = "scikit-learn", "sklearn"
    share = 100

    def prepare(self, many: Many) -> None:
        fit_one(many, 0)  # imports and the first touch of memory

    def train(self, many: Many) -> np.ndarray:
        return np.array([fit_one(many, seed) for seed in range(self.timed(many))])


class ScikitJoblib(ScikitLoop):
    """The same loop over joblib, in a process a core that has been started before."""

    name, label = "joblib", "scikit-learn, joblib's processes"
    share = 25

    def prepare(self, many: Many) -> None:
        self._over(many, many.cores)

    def train(self, many: Many) -> np.ndarray:
        return self._over(many, self.timed(many))

    @staticmethod
    def _over(many: Many, count: int) -> np.ndarray:
        from joblib import Parallel, delayed

        jobs = (delayed(fit_one)(many, seed) for seed in range(count))
        return np.array(Parallel(n_jobs=many.cores)(jobs))


# All networks of a group side by side


def initial(many: Many, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw weights (count, n_out, n_in) as fastnn does, and biases (count, 1, n_out) of 0."""
    n_in, hidden, _ = many.sizes
    drawn = []
    for inputs, outputs in ((n_in, hidden), (hidden, 1)):
        bound = np.sqrt(6 / (inputs + outputs))
        drawn.append(rng.uniform(-bound, bound, (count, outputs, inputs)).astype(many.X.dtype))
        drawn.append(np.zeros((count, 1, outputs), many.X.dtype))
    return drawn


def orders(many: Many, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw an epoch's orders of the rows, (count, n), another for each network."""
    rows = np.broadcast_to(np.arange(len(many.X), dtype=np.int32), (count, len(many.X)))
    return rng.permuted(rows, axis=1)


class Grouped(Trainer):
    """Trains groups of networks side by side, of the size that was fastest in ``prepare``."""

    groups = (10, 25, 100, 1_000)
    group = 0

    def prepare(self, many: Many) -> None:
        import time
        from dataclasses import replace

        few = replace(many, epochs=2)
        seconds = {}
        for group in sorted({min(group, self.timed(many)) for group in self.groups}):
            self.train_group(few, group, np.random.default_rng(0))  # compile, touch the memory
            start = time.perf_counter()
            self.train_group(few, group, np.random.default_rng(0))
            seconds[group] = (time.perf_counter() - start) / group
        self.group = min(seconds, key=lambda group: seconds[group])
        if many.count % self.group:  # the last group is smaller, and compiled as well
            self.train_group(few, many.count % self.group, np.random.default_rng(0))
        self.train_group(many, self.group, np.random.default_rng(0))

    def train(self, many: Many) -> np.ndarray:
        rng = np.random.default_rng(0)
        counts = self._counts(self.timed(many))
        return np.concatenate([self.train_group(many, count, rng) for count in counts])

    def _counts(self, count: int) -> Iterator[int]:
        for begin in range(0, count, self.group):
            yield min(self.group, count - begin)

    @abstractmethod
    def train_group(self, many: Many, count: int, rng: np.random.Generator) -> np.ndarray:
        """Train so many; return the validation cost of each."""


class TorchGroups(Grouped):
    """PyTorch: batched products (``baddbmm``, ``bmm``), gradients by hand, fused Adam."""

    name, label = "torch", "PyTorch, batched products"
    distribution, module = "torch", "torch"

    def pools(self, many: Many) -> AbstractContextManager:
        from bench.contenders.pytorch import torch_threads

        return torch_threads(many.cores)

    def train_group(self, many: Many, count: int, rng: np.random.Generator) -> np.ndarray:
        import torch

        arrays = initial(many, count, rng)
        flat = torch.from_numpy(np.concatenate([array.ravel() for array in arrays]))
        flat.grad = torch.empty_like(flat)
        sizes, shapes = [array.size for array in arrays], [array.shape for array in arrays]
        own, grads = (
            [part.view(shape) for part, shape in zip(whole.split(sizes), shapes, strict=True)]
            for whole in (flat, flat.grad)
        )
        adam = torch.optim.Adam([flat], lr=many.rate, betas=BETAS, eps=EPS, fused=True)
        X, y = torch.from_numpy(many.X), torch.from_numpy(many.y)
        with torch.no_grad():
            for _ in range(many.epochs):
                order = torch.from_numpy(orders(many, count, rng))
                for rows in order.split(many.batch, dim=1):
                    self._gradients(own, grads, X[rows], y[rows].unsqueeze(2))
                    adam.step()
            hidden = torch.relu(torch.from_numpy(many.X_val) @ own[0].mT + own[1])
            outputs = (torch.bmm(hidden, own[2].mT) + own[3]).squeeze(2).numpy()
        return np.array([half_square(of_one, many) for of_one in outputs])

    @staticmethod
    def _gradients(own: list[Any], grads: list[Any], x: Any, y: Any) -> None:
        """Write the mean gradients for rows x (count, m, n_in) and targets y (count, m, 1)."""
        import torch

        w1, b1, w2, b2 = own
        hidden = torch.baddbmm(b1, x, w1.mT).relu_()
        delta = torch.baddbmm(b2, hidden, w2.mT).sub_(y).div_(x.shape[1])
        torch.bmm(delta.mT, hidden, out=grads[2])
        torch.sum(delta, 1, keepdim=True, out=grads[3])
        before = torch.mul(delta, w2).mul_(hidden > 0)
        torch.bmm(before.mT, x, out=grads[0])
        torch.sum(before, 1, keepdim=True, out=grads[1])


class JaxGroups(Grouped):
    """JAX: ``vmap`` over the networks of a jitted scan over all steps; compiled beforehand."""

    name, label = "jax", "JAX, vmap of a jitted scan"
    distribution, module = "jax", "jax"

    def prepare(self, many: Many) -> None:
        from bench.contenders.jax_scan import start_client

        start_client(many.cores)
        self._compiled = compiled_training(many)
        super().prepare(many)

    def train_group(self, many: Many, count: int, rng: np.random.Generator) -> np.ndarray:
        drawn = initial(many, count, rng)
        order = np.stack([orders(many, count, rng) for _ in range(many.epochs)], axis=1)
        data = many.X, many.y, many.X_val, many.y_val
        return np.asarray(self._compiled(drawn, order, *data), dtype=np.float64)


def compiled_training(many: Many) -> Callable[..., Any]:
    """Return what trains a group: parameters, orders (count, epochs, n), data → costs (count,)."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    batch, whole = many.batch, len(many.X) // many.batch * many.batch
    beta1, beta2 = BETAS

    def cost(own: Any, x: Any, y: Any) -> Any:
        w1, b1, w2, b2 = own
        outputs = jnp.maximum(x @ w1.T + b1, 0) @ w2.T + b2
        return jnp.mean(jnp.square(outputs[:, 0] - y)) / 2

    def train(own: Any, order: Any, X: Any, y: Any, X_val: Any, y_val: Any) -> Any:
        def step(carried: Any, rows: Any) -> tuple[Any, None]:
            own, first, second, count = carried
            x, wanted = (a.at[rows].get(mode="promise_in_bounds") for a in (X, y))
            grads = jax.grad(cost)(own, x, wanted)
            count = count + 1
            first = [beta1 * m + (1 - beta1) * g for m, g in zip(first, grads, strict=True)]
            second = [beta2 * v + (1 - beta2) * g * g for v, g in zip(second, grads, strict=True)]
            rate, root = many.rate / (1 - beta1**count), jnp.sqrt(1 - beta2**count)
            moved = [
                p - rate * m / (jnp.sqrt(v) / root + EPS)
                for p, m, v in zip(own, first, second, strict=True)
            ]
            return (moved, first, second, count), None

        def epoch(carried: Any, rows: Any) -> tuple[Any, None]:
            if whole:
                carried, _ = lax.scan(step, carried, rows[:whole].reshape(-1, batch))
            return (carried if whole == len(rows) else step(carried, rows[whole:])[0]), None

        zeros = [jnp.zeros_like(p) for p in own]
        begun = (own, zeros, zeros, jnp.zeros((), X.dtype))
        (own, *_), _ = lax.scan(epoch, begun, order)
        return cost(own, X_val, y_val)

    return jax.jit(jax.vmap(train, in_axes=(0, 0, None, None, None, None)))


TRAINERS = {
    trainer.name: trainer
    for trainer in (ScikitLoop, ScikitJoblib, TorchGroups, JaxGroups, FitMany, Loop)
}

"""Every argument of every public function, given what it is not for.

It is taken, or refused in one line by a TypeError, ValueError or OSError that names the argument,
with the network as it was. Never an error of Python's or NumPy's own about what happened inside,
never a warning of theirs, never memory or time without end.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import inspect
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from refusals import assert_one_line, frozen

import fastnn
from fastnn import (
    augment,
    costs,
    datasets,
    diagnostics,
    initializers,
    normalization,
    optimizers,
    preprocessing,
    pretrain,
    profiling,
    regularizers,
    schedules,
    stopping,
    tune,
)
from fastnn._monitor.plateau import HalveOnPlateau
from fastnn.book import mnist_loader, network, network2
from fastnn.dropout import Dropout
from fastnn.lsuv import lsuv

rng = np.random.default_rng(0)
X, LABELS = rng.normal(size=(8, 3)), np.arange(8) % 2
TARGETS = np.eye(2)[LABELS]
PAIRS = list(zip(X[:, :, np.newaxis], TARGETS[:, :, np.newaxis], strict=True))
IMAGES = rng.uniform(size=(4, 5, 5))


def a_network(**options: Any) -> fastnn.Network:
    return fastnn.Network([3, 4, 2], **{"rng": 0, **options})


def zoo() -> dict[str, Any]:
    """Return values that few arguments are for."""
    return {
        "None": None,
        "nan": float("nan"),
        "inf": float("inf"),
        "-1": -1,
        "0": 0,
        "0.5": 0.5,
        "10**400": 10**400,
        "-10**400": -(10**400),
        "10**30": 10**30,
        "1e308": 1e308,
        "-1e308": -1e308,
        "1e200": 1e200,
        "2**31": 2**31,
        "2**63": 2**63,
        "2**64": 2**64,
        "True": True,
        "complex": 1j,
        "empty text": "",
        "text": "no such thing",
        "half a character": "\ud800",
        "bytes": b"",
        "list": [],
        "list of one": [1],
        "nested": [[[]]],
        "dict": {},
        "set": {1},
        "array": np.arange(3.0),
        "matrix": np.zeros((2, 2)),
        "array of texts": np.array(["a"]),
        "array of objects": np.array([None]),
        "number in an array": np.array(1.0),
        "object": object(),
        "function": lambda *_: 1,
        "class": int,
        "generator": iter(()),
    }


@dataclasses.dataclass(frozen=True)
class Case:
    """A call, its arguments, and those whose large numbers are meant: they only take long."""

    call: Callable[..., Any]
    arguments: dict[str, Any]
    endless: tuple[str, ...] = ()
    network: bool = False


def defaults(function: Callable[..., Any], **given: Any) -> dict[str, Any]:
    """Return the arguments of a function that have defaults, and those that are given."""
    parameters = inspect.signature(function).parameters.values()
    known = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    return {**known, **given}


def fields(kind: Any) -> dict[str, Any]:
    return {field.name: field.default for field in dataclasses.fields(kind)}


def fitted(**options: Any) -> Any:
    return a_network().fit(X, LABELS, **{"epochs": 2, "batch_size": 8, **options})


def of_network(name: str, endless: tuple[str, ...] = (), **arguments: Any) -> Case:
    """Return the case of a method, whose network must be as before if it refuses."""
    return Case(lambda net, **given: getattr(net, name)(**given), arguments, endless, network=True)


CASES: dict[str, Case] = {
    "Network": Case(
        lambda **given: fastnn.Network(**given),
        defaults(fastnn.Network, sizes=[3, 4, 2], rng=0, output="sigmoid", normalization="batch"),
    ),
    "fit": of_network(
        "fit",
        ("epochs",),
        **defaults(fastnn.Network.fit, X=X, y=LABELS, epochs=1, validation_data=(X, LABELS)),
    ),
    "SGD": of_network(
        "SGD",
        ("epochs",),
        **defaults(
            fastnn.Network.SGD, training_data=PAIRS, epochs=1, mini_batch_size=4, eta=0.1,
            evaluation_data=PAIRS,
        ),
    ),
    "predict": of_network("predict", X=X),
    "feedforward": of_network("feedforward", a=X.T),
    "evaluate": of_network("evaluate", test_data=PAIRS),
    "accuracy": of_network("accuracy", data=PAIRS),
    "total_cost": of_network("total_cost", data=PAIRS, lmbda=0.1),
    "update_mini_batch": of_network("update_mini_batch", mini_batch=PAIRS, eta=0.1, lmbda=0.1, n=8),
    "backprop": of_network("backprop", x=X[0], y=0),
    "gradients": of_network("gradients", X=X, y=LABELS),
    "Dropout": Case(
        lambda **given: a_network(dropout=Dropout(**given)).fit(X, LABELS, epochs=1),
        {"rate": 0.5, "inverted": True},
    ),
    "HuberCost": Case(
        lambda **given: fastnn.Network([3, 2], costs.HuberCost(**given), rng=0).fit(
            X, TARGETS, epochs=1
        ),
        {"threshold": 1.0},
    ),
    "QuantileCost": Case(
        lambda **given: fastnn.Network([3, 2], costs.QuantileCost(**given), rng=0).fit(
            X, TARGETS, epochs=1
        ),
        {"q": 0.5},
    ),
    "Regularizer": Case(
        lambda **given: fitted(regularizer=regularizers.Regularizer(**given)),
        fields(regularizers.Regularizer),
    ),
    "EarlyStopping": Case(
        lambda **given: fitted(
            validation_data=(X, LABELS), stopping=stopping.EarlyStopping(**given)
        ),
        fields(stopping.EarlyStopping),
    ),
    "HalveOnPlateau": Case(
        lambda **given: fitted(validation_data=(X, LABELS), schedule=HalveOnPlateau(**given)),
        fields(HalveOnPlateau),
    ),
    "EarlyStopping.start": Case(stopping.EarlyStopping().start, {"state": {"waited": 0}}),
    "HalveOnPlateau.start": Case(HalveOnPlateau().start, {"state": {"cuts": 1, "waited": 0}}),
    "circles": Case(datasets.circles, defaults(datasets.circles, n=20)),
    "moons": Case(datasets.moons, defaults(datasets.moons, n=20)),
    "spirals": Case(datasets.spirals, defaults(datasets.spirals, n=20)),
    "xor": Case(datasets.xor, defaults(datasets.xor, n=20)),
    "split_rows": Case(datasets.split_rows, defaults(datasets.split_rows, X=X, y=LABELS)),
    "load_digits": Case(datasets.load_digits, defaults(datasets.load_digits)),
    "datasets.load": Case(
        datasets.load, defaults(datasets.load, test_fraction=0.2, validation_fraction=0.2) |
        {"source": "digits"},
    ),
    "read_idx": Case(datasets.read_idx, {"path": "no file", "max_bytes": 1}),
    "load_mnist": Case(datasets.load_mnist, {"folder": "no folder"}),
    "load_mnist_pickle": Case(datasets.load_mnist_pickle, {"path": "no file"}),
    "load_npz": Case(datasets.load_npz, {"path": "no file"}),
    "load": Case(fastnn.load, {"path": "no file"}),
    "vectorized_result": Case(mnist_loader.vectorized_result, {"j": 1, "c": 10}),
    "activations": Case(diagnostics.activations, {"network": a_network(), "X": X}),
    "activation_statistics": Case(
        diagnostics.activation_statistics, {"network": a_network(), "X": X, "slope": 0.05}
    ),
    "gradient_norms": Case(
        diagnostics.gradient_norms, {"network": a_network(), "X": X, "y": LABELS}
    ),
    "lsuv": Case(lsuv, {"network": a_network(), "X": X}),
    "Standardizer": Case(lambda **given: preprocessing.Standardizer().fit(**given), {"X": X}),
    "SmoothClipper": Case(lambda **given: preprocessing.SmoothClipper().fit(**given), {"X": X}),
    "greedy_autoencoder": Case(
        lambda **given: pretrain.greedy_autoencoder(a_network(), **given),
        defaults(pretrain.greedy_autoencoder, X=X, epochs=1),
        ("epochs",),
    ),
    "learning_rate_threshold": Case(
        tune.learning_rate_threshold,
        defaults(tune.learning_rate_threshold, make_network=a_network, X=X, y=LABELS, epochs=1),
        ("epochs", "refinements"),
    ),
    "learning_rate_range": Case(
        tune.learning_rate_range,
        defaults(tune.learning_rate_range, make_network=a_network, X=X, y=LABELS, steps=5),
        ("steps",),
    ),
    "profile_epoch": Case(
        profiling.profile_epoch,
        defaults(profiling.profile_epoch, network=a_network(), X=X, y=LABELS),
    ),
    "network.Network": Case(network.Network, {"sizes": [3, 2]}),
    "network2.Network": Case(network2.Network, {"sizes": [3, 2], "cost": costs.QuadraticCost}),
    **{
        f"augment.{function.__name__}": Case(function, defaults(function, images=IMAGES, **given))
        for function, given in (
            (augment.shift, {"dy": 1, "dx": 1}),
            (augment.random_shifts, {"most": 1, "rng": 0}),
            (augment.rotate, {"degrees": 10.0}),
            (augment.random_rotations, {"most": 10.0, "rng": 0}),
            (augment.elastic, {"alpha": 1.0, "sigma": 2.0, "rng": 0}),
        )
    },
    **{
        f"{dtype} {name}": Case(
            lambda kind=kind, dtype=dtype, **given: a_network(
                initializer=kind(**given), dtype=dtype
            ).predict(X),
            fields(kind),
        )
        for name, kind in initializers.NAMES.items()
        if dataclasses.fields(kind)
        for dtype in ("float64", "float32")
    },
    **{
        f"optimizers.{name}": Case(
            lambda kind=kind, **given: fitted(optimizer=kind(**given)), fields(kind)
        )
        for name, kind in optimizers.NAMES.items()
        if dataclasses.fields(kind)
    },
    **{
        f"normalization.{name}": Case(
            lambda kind=kind, **given: a_network(normalization=kind(**given)).fit(
                X, LABELS, epochs=1
            ),
            fields(kind),
        )
        for name, kind in normalization.NAMES.items()
    },
    **{
        f"schedules.{function.__name__}": Case(
            lambda function=function, **given: fitted(schedule=function(**given)), arguments
        )
        for function, arguments in (
            (schedules.constant, {"factor": 1.0}),
            (schedules.step, {"every": 2, "factor": 0.5}),
            (schedules.exponential, {"rate": 0.5}),
            (schedules.inverse_scaling, {"power": 0.5}),
            (schedules.inverse_time, {"decay": 0.5}),
            (schedules.polynomial, {"epochs": 3, "power": 1.0, "floor": 0.0}),
            (schedules.cosine, {"epochs": 3, "floor": 0.0}),
            (schedules.warm_up, {"epochs": 3, "start": 0.1}),
            (schedules.one_cycle, {"epochs": 3, "peak_at": 0.3, "start": 0.1, "end": 0.1}),
            (schedules.flat_cosine, {"epochs": 3, "flat": 0.5}),
            (schedules.coslog4, {"epochs": 3}),
            (schedules.join, {"schedules": [schedules.constant()] * 2, "boundaries": [1]}),
        )
    },
    **{
        f"set {name}": Case(
            lambda net, name=name, **given: setattr(net, name, given[name]),
            {name: np.ones(1)},
            network=True,
        )
        for name in ("weights", "biases", "parameters", "running_statistics", "gammas", "betas")
    },
}  # fmt: skip
# What an argument is called where it is looked at, if it has come a long way.
ALIASES = {
    "dtype": ("dtype", "no such folder"),
    "path": ("path", "no such file", "not an ordinary file", "is a directory"),
    "max_bytes": ("max_bytes", "no such file"),
    "x": ("x", "batch norm"),
    "folder": ("folder", "mirror"),
    "source": ("source", "no such file", "file"),
    "images": ("images", "shape"),
}


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, and without a network to download from."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASTNN_MNIST", str(tmp_path / "none"))


@contextlib.contextmanager
def quiet() -> Iterator[list[warnings.WarningMessage]]:
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(record=True) as heard,
    ):
        warnings.simplefilter("always")
        yield heard


def everything(net: fastnn.Network) -> Any:
    state = net.training_state
    vectors = net.parameters, net.running_statistics, state.slots, state.counter
    return frozen([*vectors, *net.sizes]), state.optimizer, state.epochs, net.cost


def fault_of(case: Case, name: str, value: Any) -> str | None:
    """Return what is wrong with how a value is taken or refused."""
    given = {**case.arguments, name: value}
    net = a_network(normalization="batch")
    before = everything(net)
    try:
        with quiet() as heard:
            case.call(net, **given) if case.network else case.call(**given)
    except (TypeError, ValueError, IndexError, OSError) as error:
        told = str(error)
        if not any(word.lower() in told.lower() for word in ALIASES.get(name, (name,))):
            return f"{type(error).__name__} that does not name it: {told[:150]!r}"
        try:
            assert_one_line(error)
        except AssertionError:
            return f"more than a line: {told[:150]!r}"
        return None if everything(net) == before else "refused, but the network has changed"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:150]!r}"
    of_numpy = [
        str(each.message)
        for each in heard
        if "encountered" in str(each.message) or "overflow" in str(each.message)
    ]
    return of_numpy[0] if of_numpy else None


@pytest.mark.parametrize(
    ("case", "name"),
    [
        pytest.param(case, name, id=f"{title}-{name}".replace(" ", "-"))
        for title, case in CASES.items()
        for name in case.arguments
    ],
)
def test_an_argument_is_taken_or_refused_by_its_name(case: Case, name: str) -> None:
    faults = {}
    for kind, value in zoo().items():
        if name in case.endless and isinstance(value, int) and 2**16 < value < 2**63:
            continue  # they would be taken, and take their time
        fault = fault_of(case, name, value)
        if fault is not None:
            faults[kind] = fault
    assert faults == {}


# --- what the walk does not come to


def test_metrics_are_listed_and_called_by_different_names() -> None:
    def one(a: np.ndarray, y: np.ndarray) -> float:
        return 1.0

    for wrong in (one, 3, None):
        with pytest.raises(TypeError, match=r"\Ametrics: expected a list of names and callables"):
            fitted(metrics=wrong)
    with pytest.raises(ValueError, match=r"\Ametrics: expected different names, got two called"):
        fitted(metrics=[lambda a, y: 1.0, lambda a, y: 2.0])
    assert fitted(metrics=[one, one])["training_one"] == [1.0, 1.0]


def test_a_metric_that_gives_no_number_is_named() -> None:
    def words(a: np.ndarray, y: np.ndarray) -> Any:
        return "many"

    with pytest.raises(TypeError, match=r"\Ametrics: expected 'words' to return a number"):
        fitted(metrics=[words])


def test_memory_that_there_is_not_is_not_taken() -> None:
    with pytest.raises(ValueError, match=r"\Amemory: expected fewer steps to remember"):
        fitted(optimizer=optimizers.LBFGS(memory=2**31))
    with pytest.raises(ValueError, match=r"\An=\d+.*: expected at most \d+ points"):
        datasets.circles(10**30)


def test_numbers_are_kept_as_floats() -> None:
    """Integers beyond 64 bits are numbers like others, for those who take floats."""
    assert fastnn.normalization.LayerNorm(eps=2**64).eps == 2.0**64
    assert isinstance(optimizers.SGD(momentum=0).momentum, float)
    assert isinstance(optimizers.RMSprop(eps=np.float32(0.5)).eps, float)
    assert isinstance(initializers.Uniform(r=np.int64(1)).r, float)
    assert isinstance(Dropout(0).rate, float) and Dropout(0, 1).inverted is True
    assert isinstance(optimizers.LBFGS(memory=np.int32(3)).memory, int)
    for thing in (Dropout(np.float32(0.25)), optimizers.Adam(eps=1), initializers.Constant(2)):
        assert copy.deepcopy(thing) == thing and hash(copy.deepcopy(thing)) == hash(thing)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ["identity", "gelu", "relu", "sigmoid"])
@pytest.mark.parametrize("rows", [1, 20, 700])
def test_what_is_too_large_to_predict_is_told(dtype: str, activation: str, rows: int) -> None:
    net = fastnn.Network(
        [3, 4, 2], fastnn.LogLikelihoodCost, activation=activation, dtype=dtype, rng=0
    )
    inputs = rng.normal(size=(rows, 3))
    inputs[-1] = 0.99 * float(np.finfo(dtype).max)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        outputs = net.predict(inputs)
    if np.isfinite(outputs).all():
        assert activation == "sigmoid" or heard == []
        return
    (warning,) = heard
    assert warning.category is RuntimeWarning and warning.filename == __file__
    assert str(warning.message).startswith(f"X: row {rows - 1} holds ")
    with pytest.warns(RuntimeWarning, match=rf"\Aa: column {rows - 1} holds "):
        net.feedforward(inputs.T)


def test_weights_are_not_blamed_on_the_inputs() -> None:
    net = fastnn.Network([3, 2], fastnn.LogLikelihoodCost, rng=0)
    net.parameters = 1e308 * np.ones(net.n_parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.predict(X)

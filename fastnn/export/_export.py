"""``export``: a model into a file, whose suffix says the format."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastnn._common.checks import check_dtype
from fastnn._common.files import as_path, write_whole
from fastnn.export._c import c_source
from fastnn.export._checked import check_narrow, tested
from fastnn.export._describe import graph_of
from fastnn.export._fixed_model import FixedModel, fixed_model
from fastnn.export._graph import Graph
from fastnn.export._javascript import javascript_source
from fastnn.export._numpy import numpy_source
from fastnn.export._onnx import onnx_bytes
from fastnn.export._safetensors import safetensors_bytes

__all__ = ["Exported", "export"]

Tests = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Exported:
    """What ``export`` wrote.

    Attributes
    ----------
    files : tuple of Path
        What was written, the one that was asked for first.
    flash, ram : int or None
        Of C: bytes of its tables, and of its arrays on the stack.
    error : float or None
        Of fixed point: the largest difference that it makes to a result of the sample rows.
    changed : float or None
        Of fixed point: the share of the sample rows whose class is another.
    """

    files: tuple[Path, ...]
    flash: int | None = None
    ram: int | None = None
    error: float | None = None
    changed: float | None = None


def export(
    model: Any,
    path: str | os.PathLike[str],
    *,
    dtype: Any = None,
    fixed: str | None = None,
    sample: Any = None,
) -> Exported:
    """Write a model to a file that is run without fastnn.

    What cannot be exported is refused, and before anything is written some rows are predicted
    both ways.

    Parameters
    ----------
    model : Network, estimator, ensemble or Pipeline
        A fitted estimator or ensemble of ``fastnn.sklearn``, or a fitted scikit-learn ``Pipeline``
        that ends in one, of StandardScaler, MinMaxScaler, RobustScaler, SimpleImputer,
        OneHotEncoder and OrdinalEncoder, alone or in a ColumnTransformer.
    path : str or path
        Its suffix says the format.

        ``.c``: C99, with a header beside it; ``STEM_predict(const double *x, double *y)``, of
        float for ``dtype="float32"``, ``STEM`` being the file's name with _ for what names in C do
        not have. Compiled with ``-DSTEM_SELF_TEST``, that in capitals, it is a program that
        returns 0 if it computes what was computed here.

        ``.py``: a module of NumPy, with ``predict(X)``, and of a classifier ``predict_proba(X)``
        and ``classes``.

        ``.mjs``: an ES module of JavaScript, with ``predict(row)``, and of a classifier
        ``predictProba(row)`` and ``classes``.

        ``.onnx``: opset 11, with the input ``X``, or if some columns are texts an input by the
        name of each column. Of a classifier the outputs are ``label`` and ``probabilities``, of
        a regressor ``variable``, as skl2onnx names them; of a network ``outputs``, and ``label``
        if it knows classes. Of a row with NaN or a category that was never seen the outputs are
        NaN, and where there are labels a runtime raises. Needs onnx.

        ``.safetensors``: the weights by PyTorch's names, with the matching module in the
        metadata: ``nn.Sequential``, or an ``nn.ModuleList`` of them whose outputs are averaged.
        Needs safetensors.
    dtype : {"float64", "float32"}, optional
        Of the arithmetic: by default float64 in C, NumPy and JavaScript, float32 in ONNX, and the
        model's own in safetensors.
    fixed : {"int16", "int8"}, optional
        In C alone: layers in fixed point, with weights of this type and int16 between layers. Not
        with layer or group norm.
    sample : rows, as the model takes them, optional
        By which fixed point chooses its units: a few hundred of the training set. What is larger
        than all of them may be cut off.

    Returns
    -------
    Exported
        Which files were written, and what fixed point costs.

    Raises
    ------
    TypeError, ValueError
        If the model, a step of its pipeline or an option of that cannot be exported, if ``path``
        has another suffix, a number is not finite or too large for ``dtype``, or in float32
        predictions would be others.
    RuntimeError
        If what would be written predicts something else than the model.
    ImportError
        Where a library that the format needs is not installed; or pandas, for an estimator that
        knows the names of its columns.
    OSError
        If a file cannot be written.

    Examples
    --------
    >>> import fastnn, os, tempfile
    >>> net = fastnn.Network([64, 30, 10], rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = fastnn.export.export(net, os.path.join(folder, "digits.c"))
    ...     print(*[file.name for file in done.files], done.flash, done.ram)
    digits.c digits.h 18080 480
    """
    target = as_path(path)
    if target.suffix not in _WRITERS:
        raise ValueError(
            f"path: expected a file's name that ends in {', '.join(_WRITERS)}, got {target.name!r}"
        )
    checked = None if dtype is None else check_dtype(dtype)
    if target.suffix != ".c" and (fixed is not None or sample is not None):
        raise ValueError(f"fixed and sample: only for .c, got them for {target.name!r}")
    if fixed is None and sample is not None:
        raise ValueError("sample: only with fixed='int16' or 'int8', got rows without it")
    write, usual = _WRITERS[target.suffix]
    graph = graph_of(model)
    tests = tested(model, graph)
    chosen = checked or (graph.dtype if usual is None else np.dtype(usual))
    if chosen == np.float32:
        check_narrow(graph, *tests)
    if fixed is not None:
        return _write_c(graph, target, chosen, fixed_model(graph, fixed, sample, tests[0]))
    return write(graph, target, chosen, tests)


def _write_c(graph: Graph, path: Path, dtype: np.dtype, tests: Tests | FixedModel) -> Exported:
    fixed = tests if isinstance(tests, FixedModel) else None
    rows = tests.tests if isinstance(tests, FixedModel) else tests
    made = c_source(graph, path, dtype, rows, fixed)
    header = path.with_suffix(".h")
    write_whole(header, made.header.encode("ascii"))
    write_whole(path, made.source.encode("ascii"))
    costs = (None, None) if fixed is None else (fixed.error, fixed.changed)
    return Exported((path, header), made.flash, made.ram, *costs)


def _write_numpy(graph: Graph, path: Path, dtype: np.dtype, tests: Tests) -> Exported:
    write_whole(path, numpy_source(graph, dtype).encode("utf-8"))
    return Exported((path,))


def _write_javascript(graph: Graph, path: Path, dtype: np.dtype, tests: Tests) -> Exported:
    if dtype != np.float64:
        raise ValueError(f"dtype: expected 'float64', which JavaScript computes in, got {dtype}")
    write_whole(path, javascript_source(graph).encode("ascii"))
    return Exported((path,))


def _write_onnx(graph: Graph, path: Path, dtype: np.dtype, tests: Tests) -> Exported:
    write_whole(path, onnx_bytes(graph, dtype))
    return Exported((path,))


def _write_safetensors(graph: Graph, path: Path, dtype: np.dtype, tests: Tests) -> Exported:
    write_whole(path, safetensors_bytes(graph, dtype))
    return Exported((path,))


Writer = Callable[[Graph, Path, np.dtype, Tests], Exported]

# Of each format the type of its arithmetic if none is asked for; None: the model's own.
_WRITERS: dict[str, tuple[Writer, type[np.floating] | None]] = {
    ".c": (_write_c, np.float64),
    ".py": (_write_numpy, np.float64),
    ".mjs": (_write_javascript, np.float64),
    ".onnx": (_write_onnx, np.float32),
    ".safetensors": (_write_safetensors, None),
}

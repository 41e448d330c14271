"""The steps of a scikit-learn pipeline as stages of a preparation.

Each is what the ``transform`` of scikit-learn 1.6 and newer does. A class that is not here, a
subclass among them, is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.export._preparing import Columns, Preparing

__all__ = ["STEPS", "add_step"]

KNOWN = (
    "StandardScaler, MinMaxScaler, RobustScaler, SimpleImputer, OneHotEncoder, OrdinalEncoder, and "
    "ColumnTransformer or Pipeline of these"
)


def add_step(preparing: Preparing, columns: Columns, step: Any) -> Columns:
    """Add what a fitted step does to some columns; return its columns.

    Raises
    ------
    TypeError
        If its class is not known, or it has an option that cannot be exported.
    """
    if step is None or isinstance(step, str):
        if step in (None, "passthrough"):
            return columns
        return columns[:0]  # "drop"
    kind = type(step)
    add = STEPS.get(kind.__name__) if kind.__module__.startswith("sklearn.") else None
    if add is None:
        raise TypeError(f"model: cannot export the step {kind.__name__}; expected {KNOWN}")
    if getattr(step, "n_features_in_", len(columns)) != len(columns):
        raise TypeError(
            f"model: {kind.__name__} was fitted to {step.n_features_in_} columns, and is given "
            f"{len(columns)}"
        )
    return add(preparing, columns, step)


def _standard(preparing: Preparing, columns: Columns, step: Any) -> Columns:
    mean = 0.0 if step.mean_ is None or not step.with_mean else step.mean_
    scale = 1.0 if step.scale_ is None or not step.with_std else step.scale_
    return preparing.add("center", columns, mean, scale)


def _min_max(preparing: Preparing, columns: Columns, step: Any) -> Columns:
    made = preparing.add("scale", columns, step.scale_, step.min_)
    return preparing.add("clip", made, *step.feature_range) if step.clip else made


def _robust(preparing: Preparing, columns: Columns, step: Any) -> Columns:
    center = step.center_ if step.with_centering else 0.0
    scale = step.scale_ if step.with_scaling else 1.0
    return preparing.add("center", columns, center, scale)


def _imputer(preparing: Preparing, columns: Columns, step: Any) -> Columns:
    values, missing = step.statistics_, step.missing_values
    kept = np.ones(len(columns), dtype=bool)
    if step.strategy != "constant" and not step.keep_empty_features:
        kept = np.array([value == value for value in values], dtype=bool)
    made = preparing.fill(columns[kept], missing, values[kept].tolist())
    if step.indicator_ is None:
        return made
    marked = columns[step.indicator_.features_]
    marks = [preparing.number(column, missing) for column in marked]
    return np.concatenate([made, preparing.add("equals", marked, marks, 0.0)])


def _refuse_infrequent(step: Any) -> None:
    if step.min_frequency is not None or step.max_categories is not None:
        raise TypeError(
            f"model: cannot export {type(step).__name__} with min_frequency or max_categories"
        )


def _one_hot(preparing: Preparing, columns: Columns, step: Any) -> Columns:
    _refuse_infrequent(step)
    parts = [columns[:0]]
    for i, (column, categories) in enumerate(zip(columns, step.categories_, strict=True)):
        numbers = np.array(preparing.numbers(column, categories))
        source = column
        if step.handle_unknown == "error":
            codes = np.arange(len(numbers), dtype=np.float64)
            source, numbers = preparing.add("lookup", [column], numbers, codes)[0], codes
        if step.drop_idx_ is not None and step.drop_idx_[i] is not None:
            numbers = np.delete(numbers, step.drop_idx_[i])
        parts.append(preparing.add("equals", [source] * len(numbers), numbers, 0.0))
    return np.concatenate(parts)


def _ordinal(preparing: Preparing, columns: Columns, step: Any) -> Columns:
    _refuse_infrequent(step)
    default = None if step.handle_unknown == "error" else float(step.unknown_value)
    parts = [columns[:0]]
    for column, categories in zip(columns, step.categories_, strict=True):
        numbers = np.array(preparing.numbers(column, categories))
        codes = np.arange(len(numbers), dtype=np.float64)
        codes[np.isnan(numbers)] = step.encoded_missing_value
        parts.append(preparing.add("lookup", [column], numbers, codes, default))
    return np.concatenate(parts)


def _by_columns(preparing: Preparing, columns: Columns, step: Any) -> Columns:
    names = [*getattr(step, "feature_names_in_", ())]
    parts = [columns[:0]]
    for name, transformer, chosen in step.transformers_:
        part = columns[_indices(chosen, names, len(columns))]
        if len(part) == 0 or (isinstance(transformer, str) and transformer == "drop"):
            continue
        made = add_step(preparing, part, transformer)
        weight = (step.transformer_weights or {}).get(name)
        parts.append(made if weight is None else preparing.add("scale", made, weight, 0.0))
    return np.concatenate(parts)


def _indices(chosen: Any, names: list[str], n: int) -> np.ndarray:
    """Return the numbers of the columns that a ``ColumnTransformer`` has for a transformer."""
    everything = np.arange(n)
    if isinstance(chosen, slice):
        start, stop = _place(chosen.start, names), _place(chosen.stop, names)
        if isinstance(chosen.stop, str):
            stop += 1  # names are up to and with the last
        return everything[start : stop : chosen.step]
    several = [chosen] if isinstance(chosen, (str, int, np.integer)) else [*chosen]
    if several and all(isinstance(each, (bool, np.bool_)) for each in several):
        return everything[np.array(several, dtype=bool)]
    return everything[np.array([_place(each, names) for each in several], dtype=np.intp)]


def _place(which: Any, names: list[str]) -> Any:
    return names.index(which) if isinstance(which, str) else which


def _in_turn(preparing: Preparing, columns: Columns, step: Any) -> Columns:
    for _, each in step.steps:
        columns = add_step(preparing, columns, each)
    return columns


def _function(preparing: Preparing, columns: Columns, step: Any) -> Columns:
    if step.func is not None:
        raise TypeError("model: cannot export a FunctionTransformer with a function")
    return columns


STEPS: dict[str, Callable[[Preparing, Columns, Any], Columns]] = {
    "StandardScaler": _standard,
    "MinMaxScaler": _min_max,
    "RobustScaler": _robust,
    "SimpleImputer": _imputer,
    "OneHotEncoder": _one_hot,
    "OrdinalEncoder": _ordinal,
    "ColumnTransformer": _by_columns,
    "Pipeline": _in_turn,
    "FunctionTransformer": _function,  # what "passthrough" becomes
}

"""Many independent trainings in one call: settings, seeds and folds, or a network a group."""

from fastnn.many._each import Networks, fit_each, predict_each
from fastnn.many._result import Result, Table
from fastnn.many._search import fit_many

__all__ = ["Networks", "Result", "Table", "fit_each", "fit_many", "predict_each"]

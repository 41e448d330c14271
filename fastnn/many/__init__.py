"""Many independent trainings in one call: settings, seeds and folds, or a network a group."""

from fastnn.many._search import fit_many

__all__ = ["fit_many"]

"""What ``fastnn search`` shows: a table of the settings, one of all jobs, and a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fastnn._common.extras import require
from fastnn._common.files import write_whole
from fastnn.many._result import Result
from fastnn.plot import curve_styles, write_picture

MOST_DRAWN = 20


def varying(settings: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """Return what all settings have in common, and the keys in which they differ."""
    keys = dict.fromkeys(key for setting in settings for key in setting)
    first = settings[0]
    differing = [
        key
        for key in keys
        if any(key not in each or key not in first or each[key] != first[key] for each in settings)
    ]
    return {key: first[key] for key in keys if key not in differing}, differing


def described(setting: Mapping[str, Any], keys: Sequence[str]) -> str:
    """Return some keys of a setting as text; sizes as 64-30-10."""
    return ", ".join(f"{key} {_text(setting[key])}" for key in keys if key in setting)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = [f"{key} {_text(each)}" for key, each in value.items() if key != "name"]
        name = [str(value["name"])] if "name" in value else []
        return " ".join([*name, f"({', '.join(inner)})"] if inner else name)
    if isinstance(value, (list, tuple)):
        return "-".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def best_first(found: Result, larger: bool) -> list[int]:
    """Return the settings by their mean score; those that always failed are the last."""
    means = found.by_setting()["score_mean"]
    return list(np.argsort(-means if larger else means, kind="stable"))


def lines_of_table(found: Result, order: Sequence[int]) -> list[str]:
    """Return a line a setting, in this order: score, validation cost, seconds, what it is."""
    table, keys = found.by_setting(), varying(found.settings)[1]
    head = ("score", "validation cost", "seconds", "failed", "setting")
    rows = [head]
    for i in order:
        several = table["jobs"][i] - table["failed"][i] > 1
        spread = f" ± {table['score_std'][i]:.4f}" if several else ""
        rows.append(
            (
                f"{table['score_mean'][i]:.4f}{spread}",
                f"{table['validation_cost_mean'][i]:.6g}",
                f"{table['seconds_mean'][i]:.3g}",
                f"{table['failed'][i]} of {table['jobs'][i]}" if table["failed"][i] else "",
                described(found.settings[i], keys) or "the only one",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        "  ".join([*(cell.rjust(w) for cell, w in zip(row, widths, strict=False)), row[4]])
        for row in rows
    ]


def write_jobs(found: Result, path: str) -> None:
    """Write a CSV file with a row a job: its setting's values, and what became of it."""
    keys = list(dict.fromkeys(key for setting in found.settings for key in setting))
    columns = found.to_dict()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, *keys])
    for row in zip(*columns.values(), strict=True):
        setting = found.settings[row[0]]
        writer.writerow([*row, *(_text(setting[key]) if key in setting else "" for key in keys)])
    write_whole(path, text.getvalue().encode("utf-8"))


def draw(found: Result, order: Sequence[int], scoring: str, path: str) -> None:
    """Draw the scores of the first settings: a dot a job, and a line at each mean."""
    shown, keys = list(order[:MOST_DRAWN]), varying(found.settings)[1]
    means = found.by_setting()["score_mean"]
    figure = require("matplotlib.figure", extra="plot").Figure(
        figsize=(8.0, 1.2 + 0.32 * len(shown)), layout="constrained"
    )
    axes, (dots, line) = figure.subplots(), curve_styles(2)
    for place, i in enumerate(shown):
        scores = found["score"][found["setting"] == i]
        axes.plot(
            scores, np.full(len(scores), place), linestyle="none", marker=dots["marker"],
            markersize=4, color=dots["color"], alpha=0.6,
        )  # fmt: skip
        axes.plot([means[i]] * 2, [place - 0.35, place + 0.35], color=line["color"], linewidth=2)
    labels = [described(found.settings[i], keys) or "the only setting" for i in shown]
    axes.set_yticks(range(len(shown)), labels)
    axes.invert_yaxis()
    more = f"; the best {len(shown)} of {len(order)} settings" if len(order) > len(shown) else ""
    axes.set_xlabel(f"{scoring}: a dot a job, a line at the mean{more}")
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    write_picture(figure, Path(path))

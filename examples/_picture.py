"""How the examples draw: letters to read at half the size, legends below, a file a language."""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _chinese import CHINESE

try:
    import matplotlib
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, FigureBase
except ImportError as error:
    raise SystemExit(f'{error}: the examples need pip install ".[plot,sklearn]"') from None

from fastnn.plot import in_chinese

# Of a wide picture's panels; smaller letters blur when it is shown at half its size.
LETTERS = {"font.size": 13, "axes.titlesize": 14, "legend.fontsize": 12, "lines.linewidth": 1.6}
LEGEND = {"frameon": False, "handlelength": 3}  # shows a whole period of each line style


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure whose parts are kept from overlapping; no display is needed."""
    return Figure(figsize=(width, height), layout="constrained")


def legend_below(axes: Axes, columns: int) -> None:
    """Explain a panel's curves under it, where none of them goes."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=columns, **LEGEND)


def legend_of(figure: FigureBase, axes: Axes, columns: int) -> None:
    """Explain the curves of ``axes``, which are those of all panels, under the whole figure."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, **LEGEND)


def save(asked: argparse.Namespace, draw: Callable[..., Figure], *measured: Any) -> None:
    """Draw what was measured, in each language that was asked for, and tell the files."""
    path = Path(asked.output)
    files = [path, *(path.with_suffix(f".{each}{path.suffix}") for each in asked.language[1:])]
    for file, language in zip(files, asked.language, strict=True):
        with matplotlib.rc_context(LETTERS):
            figure = draw(*measured)
            write_whole(in_chinese(figure, CHINESE) if language == "zh" else figure, file)
    print(f"wrote {', '.join(map(str, files))}")


def write_whole(figure: Figure, file: Path) -> None:
    """Write a picture so that a reader never sees half of it."""
    content = io.BytesIO()
    figure.savefig(content, format=file.suffix[1:], dpi=110)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        part.write_bytes(content.getvalue())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)

"""How pictures look: curves that all eyes tell apart, panels, the language of their texts."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnn._common.checks import check_choice, check_whole
from fastnn._common.extras import require
from fastnn._common.files import write_whole
from fastnn._common.warning import warn_caller
from fastnn.plot._chinese import CHINESE, FONTS, PATTERNS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The colours of Okabe and Ito (2008), but for yellow, which white paper swallows.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#000000", "#CC79A7", "#E69F00", "#56B4E9")
LINES = ("-", "--", "-.", ":", (0, (8, 2, 2, 2, 2, 2)), (0, (8, 3)), (0, (1, 3)))
SIGNS = re.compile("[\u3400-\u9fff]")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def curve_styles(n: int) -> list[dict[str, Any]]:
    """Return keywords of matplotlib's ``plot`` for ``n`` curves that all eyes tell apart.

    The first seven differ in colour (Okabe and Ito, "Color Universal Design", 2008), for every
    common kind of colour vision, in line style and in marker, for a print in grey. Each further
    seven have the same colours and markers with other line styles; the 50th is the first again.

    Parameters
    ----------
    n : int
        How many, 0 or more.

    Returns
    -------
    list of dict
        Each with ``color``, ``linestyle`` and ``marker``; drop the marker, or add ``markevery``,
        where points are many.

    Raises
    ------
    TypeError, ValueError
        If ``n`` is no whole number, 0 or more.

    Examples
    --------
    >>> for values, style in zip(curves, curve_styles(len(curves))):  # doctest: +SKIP
    ...     axes.plot(values, **style)
    """
    return [
        {
            "color": COLOURS[i % len(COLOURS)],
            "linestyle": LINES[(i + i // len(COLOURS)) % len(LINES)],
            "marker": MARKERS[i % len(MARKERS)],
        }
        for i in range(check_whole(n, "n", 0))
    ]


def new_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return ``ax``, or a panel of a figure of its own, which pyplot does not know."""
    if ax is not None:
        return ax
    figure = require("matplotlib.figure", extra="plot").Figure(
        figsize=(width, height), layout="constrained"
    )
    return figure.subplots()


def tidy(ax: Axes, title: str, xlabel: str, ylabel: str) -> None:
    """Give a panel its texts, a light grid and no frame."""
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.grid(color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def legend_below(ax: Axes, columns: int) -> None:
    """Explain the curves below the panel, where none of them goes.

    Without a layout that makes room there, the panel below or the edge of the figure would be in
    the way: then within the panel, where most room is.
    """
    if ax.figure.get_layout_engine() is None:
        ax.legend(loc="best", fontsize="small")
        return
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=columns, frameon=False)


def panels_in(ax: Axes, rows: int, columns: int, gap: float, width: float = 1.0) -> list[Axes]:
    """Return rows of small panels in the left part of ``ax``, whose own frame is not drawn."""
    ax.set_axis_off()
    wide, high = (width - gap * (columns - 1)) / columns, (1 - gap * (rows - 1)) / rows
    return [
        ax.inset_axes((j * (wide + gap), 1 - high - i * (high + gap), wide, high))
        for i in range(rows)
        for j in range(columns)
    ]


def finished(ax: Axes, language: str, *others: Axes) -> Axes:
    """Return the panel with its texts, and those of ``others``, in ``language``.

    Warns
    -----
    RuntimeWarning
        If Chinese signs are to be drawn, and no font that has them is installed; texts then stay
        as they are.
    """
    if check_choice(language, "language", ("en", "zh")) == "en" and not _has_signs((ax, *others)):
        return ax
    manager = require("matplotlib.font_manager", extra="plot")
    known = {font.name for font in manager.fontManager.ttflist}
    font = next((name for name in FONTS if name in known), None)
    if font is None:
        warn_caller(f"language: no font with Chinese signs is installed, {FONTS[0]} for instance")
        return ax
    fonts = [font, "DejaVu Sans"]
    for text in _texts((ax, *others)):
        if language == "zh":
            _translate(text, fonts)
        elif SIGNS.search(text.get_text()):
            text.set_fontfamily(fonts)
    return ax


def _texts(panels: Sequence[Axes]) -> list[Any]:
    kind = require("matplotlib.text", extra="plot").Text
    return [text for panel in panels for text in panel.findobj(kind)]


def _has_signs(panels: Sequence[Axes]) -> bool:
    """Whether something is said in Chinese whatever the language, as names of classes are."""
    return any(SIGNS.search(text.get_text()) for text in _texts(panels))


def _translate(text: Any, fonts: list[str]) -> None:
    """Put the words of a text that are known into Chinese, the longest first."""
    said = text.get_text()
    for pattern, chinese in PATTERNS.items():
        said = re.sub(rf"\b{pattern}\b", chinese, said)
    words = sorted(map(re.escape, CHINESE), key=len, reverse=True)
    known = re.compile(rf"(?<![\w$\\])({'|'.join(words)})(?![\w$])")
    text.set(text=known.sub(lambda match: CHINESE[match[0]], said), fontfamily=fonts)


def write_picture(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all, in the format that the name's ending says."""
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix[1:], dpi=150)
    write_whole(path, picture.getvalue())

"""How pictures look: curves that all eyes tell apart, panels, the language of their texts."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnn._common.checks import check_choice, check_whole
from fastnn._common.extras import require
from fastnn._common.files import write_whole
from fastnn._common.warning import warn_caller
from fastnn.plot._chinese import CHINESE, FONTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The colours of Okabe and Ito (2008), but for yellow, which white paper swallows.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#000000", "#CC79A7", "#E69F00", "#56B4E9")
LINES = ("-", "--", "-.", ":", (0, (8, 2, 2, 2, 2, 2)), (0, (8, 3)), (0, (1, 3)))
SIGNS = re.compile("[\u3400-\u9fff]")
NUMBER = r"(\d(?:[\d.,]*\d)?(?:e[+-]?\d+)?(?: ?%)?)"
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
    texts = _texts(ax, *others)
    if check_choice(language, "language", ("en", "zh")) == "zh":
        _translate(texts, {})
    elif with_signs := [text for text in texts if SIGNS.search(text.get_text())]:
        fonts = _fonts_or_warning()
        for text in with_signs if fonts else ():  # names of classes, whatever the language
            text.set_fontfamily(fonts)
    return ax


def in_chinese(figure: Figure, words: Mapping[str, str] | None = None) -> Figure:
    """Put the texts of a figure into Chinese: those of ``fastnn.plot``, and words of your own.

    Parameters
    ----------
    figure : Figure
        Changed in place, the names at its axes' ticks among its texts.
    words : mapping of str to str, optional
        Chinese by English; ``{}`` in both stands for a number, with its sign % if it has one.

    Returns
    -------
    matplotlib.figure.Figure
        The same.

    Warns
    -----
    RuntimeWarning
        If no font with Chinese signs is installed; texts then stay as they are.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from fastnn.plot import in_chinese
    >>> figure = Figure()
    >>> _ = figure.suptitle("mean of 3 seeds")
    >>> _ = in_chinese(figure, {"mean of {} seeds": "{} 个种子的均值"})  # doctest: +SKIP
    """
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            _translate_ticks(axis, words or {})
    _translate(_texts(figure), words or {})
    return figure


def chinese_fonts() -> list[str]:
    """Return the fonts to draw Chinese with, the signs' own first; none if there is none."""
    manager = require("matplotlib.font_manager", extra="plot")
    known = {font.name for font in manager.fontManager.ttflist}
    font = next((name for name in FONTS if name in known), None)
    return [font, "DejaVu Sans"] if font else []


def _fonts_or_warning() -> list[str]:
    fonts = chinese_fonts()
    if not fonts:
        warn_caller(f"language: no font with Chinese signs is installed, {FONTS[0]} for instance")
    return fonts


def _texts(*drawn: Any) -> list[Any]:
    kind = require("matplotlib.text", extra="plot").Text
    return [text for each in drawn for text in each.findobj(kind)]


def _translate(texts: Sequence[Any], words: Mapping[str, str]) -> None:
    if fonts := _fonts_or_warning():
        for text in texts:
            text.set(text=_chinese_of(text.get_text(), words), fontfamily=fonts)


def _translate_ticks(axis: Any, words: Mapping[str, str]) -> None:
    """Name the ticks anew if they have names, which each drawing writes into their texts."""
    ticks = axis.get_major_formatter().format_ticks(axis.get_majorticklocs())
    chinese = [_chinese_of(text, words) for text in ticks]
    if chinese != ticks and chinese_fonts():
        axis.set_ticks(axis.get_majorticklocs(), chinese)


def _chinese_of(said: str, words: Mapping[str, str]) -> str:
    """Put the words of a text that are known into Chinese, the longest first."""
    known = {**CHINESE, **words}
    for english in sorted(known, key=len, reverse=True):
        pattern = re.escape(english).replace(r"\{\}", NUMBER)
        places = [rf"\{i}" for i in range(1, english.count("{}") + 1)]
        chinese = known[english].format(*places)
        # Within a longer word, or in a formula, it is none.
        before = r"(?<![\w$\\])" if english[0].isalpha() else ""
        after = r"(?![\w$])" if english[-1].isalpha() else ""
        said = re.sub(before + pattern + after, chinese, said)
    return said


def write_picture(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all, in the format that the name's ending says."""
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix[1:], dpi=150)
    write_whole(path, picture.getvalue())

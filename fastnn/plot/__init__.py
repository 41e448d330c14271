"""Pictures of networks and of their training, good enough for a book.

Each function draws into ``ax``, or into a figure of its own, which pyplot does not know: no display
is needed, and nothing is to be closed. It returns the axes; ``ax.figure.savefig("name.png")``
writes the picture. The numbers are those of ``fastnn.diagnostics``. Needs matplotlib
(``pip install "fastnn-cpu[plot]"``).
"""

from fastnn.plot._classes import confusion, decision_boundary
from fastnn.plot._comparison import comparison
from fastnn.plot._history import learning_curves, plot_history
from fastnn.plot._layers import activations, gradients
from fastnn.plot._looks import curve_styles, in_chinese
from fastnn.plot._looks import write_picture as write_picture
from fastnn.plot._rates import learning_rate_range
from fastnn.plot._weights import network, weights

__all__ = [
    "learning_curves",
    "comparison",
    "activations",
    "gradients",
    "decision_boundary",
    "weights",
    "confusion",
    "learning_rate_range",
    "network",
    "plot_history",
    "curve_styles",
    "in_chinese",
]

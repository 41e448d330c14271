"""The classes of *Deep Learning from Scratch* (深度学习入门), compiled: same names, same numbers.

The modules of the book's ``common`` package, its ``dataset.mnist`` and chapter 5's
``two_layer_net``. Change ``from common.trainer import Trainer`` to
``from fastnn.dlfs.trainer import Trainer``; or call ``install()`` before the program's imports,
which then find these modules. With the same ``numpy.random.seed`` there are the same weights,
mini-batches and dropout masks, and but for rounding the same numbers.
"""

import importlib as _importlib
import sys as _sys
from typing import TYPE_CHECKING

from fastnn._later import modules_later as _modules_later

_COMMON = (
    "functions",
    "gradient",
    "layers",
    "multi_layer_net",
    "multi_layer_net_extend",
    "optimizer",
    "trainer",
    "util",
)


def install() -> None:
    """Let ``import common.trainer`` and the like mean this package's modules, in this process.

    So for all modules of ``common`` that are here, and for ``dataset.mnist``. Modules that were
    imported before stay as they are in the names that hold them.
    """
    from fastnn.dlfs import mnist

    package = _sys.modules[__name__]
    _sys.modules.update({"common": package, "dataset": package, "dataset.mnist": mnist})
    for name in _COMMON:
        _sys.modules[f"common.{name}"] = _importlib.import_module(f"{__name__}.{name}")


if TYPE_CHECKING:
    from fastnn.dlfs import functions as functions
    from fastnn.dlfs import gradient as gradient
    from fastnn.dlfs import layers as layers
    from fastnn.dlfs import mnist as mnist
    from fastnn.dlfs import multi_layer_net as multi_layer_net
    from fastnn.dlfs import multi_layer_net_extend as multi_layer_net_extend
    from fastnn.dlfs import optimizer as optimizer
    from fastnn.dlfs import trainer as trainer
    from fastnn.dlfs import two_layer_net as two_layer_net
    from fastnn.dlfs import util as util
else:
    __getattr__, __dir__ = _modules_later(globals(), (*_COMMON, "mnist", "two_layer_net"))

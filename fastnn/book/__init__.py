"""The modules of *Neural Networks and Deep Learning*, compiled: same names, same numbers.

Change ``import network2`` to ``import fastnn.book.network2 as network2`` and the program runs as
before, seed for seed, only faster; likewise ``network`` and ``mnist_loader``.
"""

from typing import TYPE_CHECKING

from fastnn._later import modules_later as _modules_later

if TYPE_CHECKING:
    from fastnn.book import mnist_loader as mnist_loader
    from fastnn.book import network as network
    from fastnn.book import network2 as network2
else:
    __getattr__, __dir__ = _modules_later(globals(), ("mnist_loader", "network", "network2"))

"""The modules of *Neural Networks and Deep Learning*, compiled: same names, same numbers.

Change ``import network2`` to ``import fastnn.book.network2 as network2`` and the program runs as
before, seed for seed, only faster; likewise ``network`` and ``mnist_loader``.

A program may replace what the book lets it replace, in a subclass, on an object or in the module:
the methods of ``Network``, the cost (or ``fn`` and ``delta`` of one), ``sigmoid``,
``sigmoid_prime``, ``vectorized_result`` and ``random.shuffle``; and it may set ``sizes``,
``num_layers``, ``weights`` and ``biases`` itself, in an ``__init__`` that never calls ours. What is
replaced is called as the book's algorithm calls it: an example at a time, on columns, in its order,
with the program's own objects. An output above 0.5 is the class of a single output, where the book
would take the index of the largest, 0.
"""

from typing import TYPE_CHECKING

from fastnn._later import modules_later as _modules_later

if TYPE_CHECKING:
    from fastnn.book import mnist_loader as mnist_loader
    from fastnn.book import network as network
    from fastnn.book import network2 as network2
else:
    __getattr__, __dir__ = _modules_later(globals(), ("mnist_loader", "network", "network2"))

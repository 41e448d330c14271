"""The modules of *Neural Networks and Deep Learning*, compiled: same names, same numbers.

Change ``import network2`` to ``import fastnn.book.network2 as network2`` and the program runs as
before, seed for seed, only faster; likewise ``network`` and ``mnist_loader``.
"""

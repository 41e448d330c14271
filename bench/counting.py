"""What a work costs at least, counted from its sizes: operations and bytes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bench.works import Work


def flops_of_row(sizes: tuple[int, ...], training: bool = True) -> int:
    """Floating-point operations in the matrix products of one row.

    A layer of n_in × n_out weights takes 2 n_in n_out for its weighted input; in training as many
    again for the gradient of its weights and, except for the first layer, for that of its inputs.
    """
    products = [2 * n_in * n_out for n_in, n_out in pairwise(sizes)]
    if not training:
        return sum(products)
    return 3 * sum(products) - products[0]


def flops(work: Work, n: int) -> int:
    """Operations in the reported time of `work` (``work.per`` epochs) on n training rows."""
    rows = work.predict_rows or n
    return work.per * rows * flops_of_row(work.sizes, training=not work.predict_rows)


def n_parameters(work: Work) -> int:
    """Weights, biases and, with batch norm, γ and β, as fastnn's plan lays them out."""
    from fastnn._core.plan import ParameterLayout
    from fastnn.normalization import BatchNorm

    return ParameterLayout(work.sizes, BatchNorm() if work.batch_norm else None).n_parameters


def bytes_moved(work: Work, n: int) -> int:
    """Bytes that the reported time of `work` reads and writes, whichever cache they are in.

    A row of inputs and targets is read and, in training, written to its mini-batch's place. For
    every row a layer's outputs are written and read, in training its deltas too. For every
    mini-batch (or call) the parameters are read; in training once more for the deltas, the first
    layer's weights excepted, and once more to be updated and written.
    """
    number = np.dtype(work.dtype).itemsize
    outputs = sum(work.sizes[1:])
    if work.predict_rows:
        row = work.sizes[0] + 2 * outputs
        return work.per * number * (work.predict_rows * row + n_parameters(work))
    batches = -(-n // work.batch)
    row = 2 * (work.sizes[0] + work.sizes[-1]) + 4 * outputs
    first = work.sizes[0] * work.sizes[1]
    return work.per * number * (n * row + batches * (4 * n_parameters(work) - first))

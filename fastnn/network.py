"""The compiled network: the model's options and methods over the kernels."""

from __future__ import annotations

import os
from typing import Any

from fastnn._core.engine import CompiledEngine
from fastnn._model import storage
from fastnn._model.model import Model

__all__ = ["Network", "load"]


class Network(Model):
    """A feed-forward network, trained by mini-batch gradient descent in compiled code.

    Parameters
    ----------
    sizes : list of int
        Neurons in each layer, the input layer first, such as ``[784, 30, 10]``.
    cost : class or object, default CrossEntropyCost
        ``QuadraticCost``, ``CrossEntropyCost``, ``LogLikelihoodCost``, ``HuberCost``,
        ``AbsoluteCost``, ``PoissonCost``, ``QuantileCost``, or your own object with ``fn(a, y)``
        and ``delta(z, a, y)`` on columns; ``delta`` is then called once a mini-batch.
    activation : str or sequence of str, default "sigmoid"
        Of the hidden layers, one for all or one each: "identity", "sigmoid", "tanh", "relu",
        "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus".
    output : {"sigmoid", "softmax", "identity", "exp"}, optional
        Activation of the output layer, of those that the cost goes with. By default "sigmoid" for
        ``QuadraticCost``, ``CrossEntropyCost`` and your own, "softmax" for ``LogLikelihoodCost``,
        "exp" for ``PoissonCost``, else "identity".
    initializer : str or Initializer, optional
        A name or an object of ``fastnn.initializers``. By default the book's
        ``default_weight_initializer``. "lsuv" scales the weights by the first data it is given.
    normalization : None, "batch", "layer", "group" or Normalization, optional
        Of the hidden layers, between the dense part and the activation; a name or an object of
        ``fastnn.normalization``.
    dropout : float, Dropout, or one per hidden layer, default 0
        Share of hidden units dropped in training.
    input_scale : float, default 1
        Factor on all inputs, once they are converted: 1/255 for bytes that mean 0 to 1. Saved
        with the network.
    dtype : {"float64", "float32"}, default "float64"
        Of the parameters and of all arithmetic; costs are summed in float64 in either case.
    rng : None, int or numpy.random.Generator
        Where randomness comes from. ``None``: the global states of ``numpy.random`` (weights) and
        ``random`` (mini-batches), drawn in the book's order, so that a seeded program of the book
        gives the book's run. Otherwise all randomness is the Generator's.

    Attributes
    ----------
    sizes : list of int
    num_layers : int
        Layers, the input layer included, as the book counts.
    weights, biases : lists of arrays (n_out, n_in) and (n_out, 1)
        Views of ``parameters``: what you read is live, what you assign is copied in.
    parameters : array (n_parameters,)
        Every weight and bias, layer by layer.
    table : TableInfo or None
        What ``fastnn train`` found its table to be: ``task``, ``classes``, ``features``,
        ``target`` and ``column``. Saved with the network.
    training_summary : dict of str to str, int or float
        What is known of the training: version, optimizer, rows, the costs of its last epoch.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what it was and what was expected.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Network([2, 3, 1], rng=0)
    >>> history = net.fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], epochs=2, batch_size=4)
    >>> net.predict([[0.0, 1.0]]).shape
    (1, 1)

    Notes
    -----
    The model, its names and its formulas are those of M. Nielsen, *Neural Networks and Deep
    Learning* (2015), chapters 1 to 3.
    """

    _new_engine = CompiledEngine
    _engine: CompiledEngine


def load(path: str | os.PathLike[str], *, cost: Any = None) -> Network:
    """Return the network in a file that ``Network.save`` or the book's ``save`` wrote.

    Nothing is drawn from any random state, and nothing is unpickled. A file of ``Network.save``
    has the key "fastnn" and all others that it writes; a file of the book's has "sizes",
    "weights", "biases" and "cost" alone, and its neurons are sigmoid. Keys that are missing,
    misspelt or there twice are refused.

    Parameters
    ----------
    path : str or path
        Its content says whether it is JSON or .npz.
    cost : class or object, optional
        Needed if the network was saved with a cost of your own.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If the file is not such a file, is damaged, or its parts do not go together; if it is a
        pipe or a device.
    OSError
        If it cannot be read.
    """
    return storage.load(path, Network, cost=cost)

"""Greedy layer-wise pre-training: each hidden layer first learns to describe its inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._common.checks import check_number, check_whole
from fastnn._common.rng import GlobalRandom, RandomSource
from fastnn._data.inputs import dense
from fastnn._model.layers import check_compiled, layer_outputs
from fastnn.costs import CrossEntropyCost, QuadraticCost
from fastnn.history import History
from fastnn.initializers import XavierUniform
from fastnn.network import Network
from fastnn.optimizers import Optimizer
from fastnn.regularizers import Regularizer

__all__ = ["greedy_autoencoder"]


def greedy_autoencoder(
    net: Any,
    X: Any,
    *,
    epochs: int,
    batch_size: int = 32,
    optimizer: str | Optimizer = "sgd",
    learning_rate: float | None = None,
    regularizer: Regularizer | None = None,
    noise: float = 0.0,
    progress: bool = False,
) -> list[History]:
    """Pre-train the hidden layers of ``net`` as autoencoders, the first one first.

    Layer by layer, a network n_in-n_out-n_in with the layer's activation and normalization learns
    to give back its inputs, which are the outputs of the layers below. It starts with the layer's
    own weights; what it has learnt is then put into ``net``. No labels are needed, and the output
    layer is left as it is. Fine-tune with ``net.fit``.

    The way back has weights of its own (untied), drawn by ``initializers.XavierUniform`` and
    thrown away at the end. Its output is sigmoid with the cross-entropy for inputs that lie from 0
    to 1, else identity with the quadratic cost. Nothing is dropped.

    Parameters
    ----------
    net : Network
        Changed in place when all layers have learnt; its random source is drawn from.
    X : array-like (n, n_in)
        Inputs, labelled or not.
    epochs : int
        Passes over the data for each layer, 0 or more.
    batch_size, optimizer, learning_rate, regularizer
        As for ``Network.fit``.
    noise : float, default 0
        Share of the inputs that are set to 0, anew in each epoch, before the clean ones are to be
        given back: a denoising autoencoder. 0 or more, below 1.
    progress : bool, default False
        Whether to show a progress bar for each layer, if there is no noise; needs tqdm.

    Returns
    -------
    list of History
        One a hidden layer, ``training_cost`` being the mean cost of giving back a row.

    Raises
    ------
    TypeError, ValueError
        Before anything is changed, naming the argument.

    Warns
    -----
    RuntimeWarning
        If the training of a layer diverges; the layer is then as far as its last good epoch.

    Notes
    -----
    Hinton, Osindero and Teh, *A fast learning algorithm for deep belief nets* (2006); Bengio,
    Lamblin, Popovici and Larochelle, *Greedy layer-wise training of deep networks* (2007), whose
    autoencoders these are. The noise is that of Vincent, Larochelle, Bengio and Manzagol,
    *Extracting and composing robust features with denoising autoencoders* (2008).

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> from fastnn.pretrain import greedy_autoencoder
    >>> X = np.random.default_rng(0).random((100, 8))
    >>> net = fastnn.Network([8, 6, 4, 2], rng=0)
    >>> histories = greedy_autoencoder(net, X, epochs=3)
    >>> [len(history) for history in histories]
    [3, 3]
    """
    network = check_compiled(net)
    if len(network.sizes) < 3:
        raise ValueError(f"net: expected a hidden layer to pre-train, got sizes {network.sizes}")
    inputs = dense(network._inputs(X), network.dtype)
    share = check_number(noise, "noise")
    if share >= 1:
        raise ValueError(f"noise: expected a share below 1, got {noise}")
    asked = {
        "epochs": check_whole(epochs, "epochs", 0),
        "batch_size": batch_size,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "regularizer": regularizer,
        "progress": progress,
    }
    before, waiting = network.snapshot(), network.training_state.initializer
    try:
        network.meet_data(inputs)
        encoders, histories = _learn_layers(network, inputs, share, asked)
    except BaseException:
        network.restore(before)
        network.training_state.initializer = waiting
        raise
    for l, encoder in enumerate(encoders):
        _copy_layer(encoder, 0, network, l)
    return histories


def _learn_layers(
    network: Network, inputs: np.ndarray, noise: float, asked: dict[str, Any]
) -> tuple[list[Network], list[History]]:
    encoders, histories = [], []
    for l in range(len(network.sizes) - 2):
        encoder = _autoencoder(network, l, inputs)
        histories.append(_learn(encoder, inputs, noise, asked))
        encoders.append(encoder)
        inputs = layer_outputs(encoder, inputs, training=False)[0].activations
    return encoders, histories


def _autoencoder(network: Network, l: int, inputs: np.ndarray) -> Network:
    """Return a network that gives back ``inputs`` through layer ``l`` of ``network``."""
    n_in, n_out = network.sizes[l], network.sizes[l + 1]
    source = network.random_source
    shares = bool(inputs.min() >= 0 and inputs.max() <= 1)
    autoencoder = Network(
        [n_in, n_out, n_in],
        CrossEntropyCost if shares else QuadraticCost,
        activation=network.activation[l],
        output="sigmoid" if shares else "identity",
        initializer=XavierUniform(),
        normalization=network.normalization,
        dtype=network.dtype,
        rng=None if isinstance(source, GlobalRandom) else source,  # type: ignore[arg-type]
    )
    _copy_layer(network, l, autoencoder, 0)
    return autoencoder


def _copy_layer(source: Network, i: int, target: Network, j: int) -> None:
    """Copy all that hidden layer ``i`` of ``source`` has learnt to layer ``j`` of ``target``."""
    for name in ("weights", "biases", "gammas", "betas", "running_means", "running_variances"):
        values = getattr(source, name)
        if i < len(values):  # a network may have no normalization
            getattr(target, name)[j] = values[i]


def _learn(
    autoencoder: Network, inputs: np.ndarray, noise: float, asked: dict[str, Any]
) -> History:
    if noise == 0:
        return autoencoder.fit(inputs, inputs, **asked)
    # No epochs yet, so that what was asked is checked even if none are wanted.
    history = autoencoder.fit(inputs, inputs, **{**asked, "epochs": 0, "progress": False})
    for epoch in range(1, asked["epochs"] + 1):
        corrupted = _corrupt(inputs, noise, autoencoder.random_source)
        once = autoencoder.fit(corrupted, inputs, **{**asked, "epochs": 1, "progress": False})
        if not len(once):  # it diverged, and has said so
            break
        history.append({**once[0], "epoch": epoch})
    return history


def _corrupt(inputs: np.ndarray, noise: float, source: RandomSource) -> np.ndarray:
    """Return ``inputs`` with a random share of the numbers set to 0."""
    return np.where(source.uniform(0.0, 1.0, inputs.shape) < noise, 0, inputs)

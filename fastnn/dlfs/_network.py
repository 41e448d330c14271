"""What the book's three networks have in common: dense layers, a softmax, and their gradient.

Compiled code computes all of a network at once, as long as nobody asks for its layers. Once they
are handed out they are what computes, so that a program may look into them and replace them. So
they are in the steps of a network with dropout, whose masks NumPy's global state draws.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn._common.checks import check_choice, check_number
from fastnn._data.inputs import taken
from fastnn._data.rows import Rows, as_targets
from fastnn.costs import LogLikelihoodCost
from fastnn.dlfs._compiled import Compiled
from fastnn.dlfs._parameters import Parameters
from fastnn.dlfs.functions import cross_entropy_error, softmax
from fastnn.dlfs.gradient import numerical_gradient
from fastnn.dlfs.layers import (
    EPS,
    Affine,
    BatchNormalization,
    Dropout,
    Relu,
    Sigmoid,
    SoftmaxWithLoss,
)
from fastnn.dlfs.optimizer import Optimizer
from fastnn.dropout import Dropout as Rate
from fastnn.network import Network
from fastnn.normalization import BatchNorm

ACTIVATIONS = {"relu": Relu, "sigmoid": Sigmoid}
# By what the square of a name's standard deviation is divided by the inputs.
GAINS = {"relu": 2.0, "he": 2.0, "sigmoid": 1.0, "xavier": 1.0}
NORM = BatchNorm(momentum=0.1, eps=EPS, initial_variance=0.0, unbiased=False)
# Until when rows of targets add up to one: then ∂C/∂z of the compiled cost is the book's.
ROUNDING = 1e-9


class DenseNetwork:
    """Base of the networks; each adds its own constructor and the arguments of its methods.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, neurons of the hidden layers, outputs.
    activation : {"relu", "sigmoid"}
    weight_init_std : float or str
        Standard deviation of the weights, or the name of one: see ``GAINS``.
    weight_decay_lambda : float
    dropout : float or None
        The share of hidden units dropped.
    use_batchnorm : bool
    """

    # The name of the layer after an affine one, and that of the last layer, in a subclass.
    _activation_name = "Activation_function"

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str,
        weight_init_std: Any,
        weight_decay_lambda: float,
        dropout: float | None,
        use_batchnorm: bool,
    ) -> None:
        check_choice(activation, "activation", tuple(ACTIVATIONS))
        self.weight_decay_lambda = check_number(weight_decay_lambda, "weight_decay_lambda")
        self._activation, self._dropout_ratio = activation, dropout
        self._network = Network(
            sizes,
            LogLikelihoodCost,
            activation=activation,
            output="softmax",
            initializer="zeros",
            normalization=NORM if use_batchnorm else None,
            dropout=0.0 if dropout is None else Rate(dropout, inverted=False),
            rng=0,  # which nothing draws from
        )
        self._handed_out = False
        self._begin()
        for w in self._network.weights:
            w[...] = _deviation(weight_init_std, w.shape[1]) * np.random.randn(*w.T.shape).T

    def _begin(self) -> None:
        """Make what is made of the network's vectors."""
        self._parameters = Parameters(self._network._layout, self._network.parameters)
        self._compiled = Compiled(self._network)
        self._layers, self._last_layer = self._make_layers(), SoftmaxWithLoss()

    def _make_layers(self) -> OrderedDict[str, Any]:
        layers: OrderedDict[str, Any] = OrderedDict()
        params, net = self._parameters, self._network
        n_layers = len(net.sizes) - 1
        for l in range(1, n_layers + 1):
            layers[f"Affine{l}"] = Affine(params[f"W{l}"], params[f"b{l}"])
            if l == n_layers:
                break
            if net.normalization is not None:
                norm = BatchNormalization(params[f"gamma{l}"], params[f"beta{l}"])
                norm.running_mean = net.running_means[l - 1][:, 0]
                norm.running_var = net.running_variances[l - 1][:, 0]
                layers[f"BatchNorm{l}"] = norm
            layers[f"{self._activation_name}{l}"] = ACTIVATIONS[self._activation]()
            if self._dropout_ratio is not None:
                layers[f"Dropout{l}"] = Dropout(self._dropout_ratio)
        return layers

    def __getstate__(self) -> dict[str, Any]:
        if self._handed_out:
            raise TypeError("a network whose layers were handed out cannot be copied or pickled")
        made = ("_parameters", "_compiled", "_layers", "_last_layer")
        return {name: value for name, value in vars(self).items() if name not in made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    # Its parts

    @property
    def network(self) -> Network:
        """The ``fastnn.Network`` with the same numbers, in the same memory.

        To look into, draw, save or export. What replaces a layer is not in it.
        """
        return self._network

    @property
    def params(self) -> Parameters:
        """The parameters by name: W1 (n_in, n_out), b1 (n_out,), gamma1, beta1, ...

        They are views of one vector; what is assigned to a name is copied into it.
        """
        return self._parameters

    @params.setter
    def params(self, values: Mapping[str, Any]) -> None:
        for name in self._parameters:
            self._parameters[name] = values[name]

    @property
    def layers(self) -> OrderedDict[str, Any]:
        """The layers by name, in the order in which they compute: from now on one by one."""
        self._handed_out = True
        return self._layers

    def _take_last_layer(self) -> Any:
        self._handed_out = True
        return self._last_layer

    def _put_last_layer(self, layer: Any) -> None:
        self._handed_out, self._last_layer = True, layer

    # Under the name that each of the book's classes gives it.
    _handed_out_last_layer = property(
        _take_last_layer,
        _put_last_layer,
        doc="The softmax with its error; what uses it computes layer by layer from now on.",
    )

    # What it computes

    def _is_own(self, *methods: str) -> bool:
        """Whether a program replaced neither the layers nor one of the ``methods``."""
        if self._handed_out or any(name in vars(self) for name in methods):
            return False
        return all(getattr(type(self), name).__module__ in OWN for name in methods)

    def _scores(self, x: Any, train_flg: bool) -> np.ndarray:
        if self._handed_out or (train_flg and self._dropout_ratio is not None):
            return self._scores_by_layers(x, train_flg)
        if train_flg and self._network.normalization is not None:
            return self._compiled.scores_in_training(x)
        return self._compiled.scores(x)

    def _scores_by_layers(self, x: Any, train_flg: bool) -> Any:
        for name, layer in self._layers.items():
            told = (train_flg,) if "Dropout" in name or "BatchNorm" in name else ()
            x = layer.forward(x, *told)
        return x

    def _error(self, scores: np.ndarray, t: Any) -> Any:
        """Return the error of the last layer plus ½ λ Σw²."""
        if self._handed_out:
            error = self._last_layer.forward(scores, t)
        else:
            error = cross_entropy_error(softmax(scores), t)
        if self.weight_decay_lambda == 0:
            return error
        squares = sum(np.sum(np.square(w)) for w in self._network.weights)
        return error + 0.5 * self.weight_decay_lambda * squares

    def accuracy(self, x: np.ndarray, t: np.ndarray) -> float:
        """Return the share of rows whose largest output is at the right class.

        Parameters
        ----------
        x : array (m, n_in)
        t : array (m,) of labels or (m, n_out)
        """
        classes = np.argmax(self.predict(x), axis=1)  # type: ignore[attr-defined]
        labels = t if t.ndim == 1 else np.argmax(t, axis=1)
        return np.sum(classes == labels) / float(x.shape[0])

    def _targets(self, t: Any) -> np.ndarray | None:
        """Return targets as rows (m, n_out), or None where only the layers can take them."""
        targets = as_targets(t, len(t), self._network.sizes[-1], self._network.dtype, "t")
        soft = np.ndim(t) > 1 and np.abs(targets.sum(axis=1) - 1).max() > ROUNDING
        return None if soft else targets

    def gradient(self, x: np.ndarray, t: np.ndarray) -> Parameters:
        """Return the gradient of the loss in training, by back-propagation.

        Parameters
        ----------
        x : array (m, n_in)
        t : array (m,) of labels or (m, n_out)

        Returns
        -------
        mapping of str to array
            By the names of ``params``.

        Raises
        ------
        TypeError, ValueError
            Naming the argument that does not fit.
        """
        compiled = self._dropout_ratio is None and self._is_own("predict", "loss")
        targets = self._targets(t) if compiled else None
        if targets is None:
            gradient = self._gradient_by_layers(x, t)
        else:
            vector = self._compiled.gradient(x, targets)
            gradient = Parameters(self._network._layout, vector)
        if self.weight_decay_lambda != 0:
            weights = self._network._layout.weights(gradient.vector)
            for dw, w in zip(weights, self._network.weights, strict=True):
                dw += self.weight_decay_lambda * w
        return gradient

    def _loss_in_training(self, x: Any, t: Any) -> Any:
        """Return the loss that ``gradient`` is that of."""
        return self.loss(x, t)  # type: ignore[attr-defined]

    def _gradient_by_layers(self, x: Any, t: Any) -> Parameters:
        handed_out, self._handed_out = self._handed_out, True  # so that the layers compute
        try:
            self._loss_in_training(x, t)
        finally:
            self._handed_out = handed_out
        dout = self._last_layer.backward(1)
        for layer in reversed(self._layers.values()):
            dout = layer.backward(dout)
        layout = self._network._layout
        gradient = Parameters(layout, np.zeros(layout.n_parameters))
        for l in range(1, len(layout.layers) + 1):
            affine, norm = self._layers[f"Affine{l}"], self._layers.get(f"BatchNorm{l}")
            gradient[f"W{l}"], gradient[f"b{l}"] = affine.dW, affine.db
            if norm is not None:
                gradient[f"gamma{l}"], gradient[f"beta{l}"] = norm.dgamma, norm.dbeta
        return gradient

    def numerical_gradient(self, x: np.ndarray, t: np.ndarray) -> dict[str, np.ndarray]:
        """Return the gradient of the loss by differences: two losses for each parameter.

        Parameters
        ----------
        x : array (m, n_in)
        t : array (m,) of labels or (m, n_out)

        Returns
        -------
        dict of str to array
            By the names of ``params``.
        """
        return {
            name: numerical_gradient(lambda _: self._loss_in_training(x, t), self._parameters[name])
            for name in self._parameters
        }

    def _checked_rows(self, x: Any, t: Any) -> Rows | None:
        """Return rows for many steps in compiled code; None where it does not take them all."""
        try:
            targets = self._targets(t)
            return None if targets is None else Rows(self._compiled.inputs(x), targets)
        except (TypeError, ValueError):  # a mini-batch may be without what is wrong
            return None

    def _can_step(self, m: int) -> bool:
        """Whether compiled code takes steps on m rows, as nobody replaced anything."""
        one_row = self._network.normalization is not None and m < 2
        plain = self._dropout_ratio is None and self._parameters.is_whole and not one_row
        return plain and self._is_own("predict", "loss", "gradient")

    def _steps(
        self, optimizer: Optimizer, rows: Rows, batches: np.ndarray, losses: list[Any]
    ) -> None:
        """Take the next steps on ``batches`` (n_steps, m) of the rows, some of them or all.

        The loss of each after its step is added to ``losses``, also if Ctrl-C ends them.
        """
        rule, decay = optimizer._rule(l2=self.weight_decay_lambda), self.weight_decay_lambda
        slots = optimizer._slots(self._network._layout, rule.n_slots)
        counter, before = np.array([optimizer._steps], dtype=np.uint64), len(losses)
        told = rows, batches, rule, slots, optimizer.lr, decay, counter, losses
        try:
            self._compiled.steps(*told)
        finally:
            n = int(counter[0]) - optimizer._steps
            optimizer._steps += n
            if n > len(losses) - before:  # interrupted between a step and its loss
                x = taken(rows.X, batches[n - 1], self._network.dtype)
                losses.append(self.loss(x, rows.Y[batches[n - 1]]))  # type: ignore[attr-defined]


def _deviation(weight_init_std: Any, n_in: int) -> float:
    """Return the standard deviation of a layer's weights."""
    if isinstance(weight_init_std, str):
        name = weight_init_std.lower()
        check_choice(name, "weight_init_std", tuple(GAINS))
        return float(np.sqrt(GAINS[name] / n_in))
    return check_number(weight_init_std, "weight_init_std")


# The modules whose methods are the book's own.
OWN = frozenset(
    f"fastnn.dlfs.{name}"
    for name in ("_network", "multi_layer_net", "multi_layer_net_extend", "two_layer_net")
)

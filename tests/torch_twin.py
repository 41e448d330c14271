"""A network once more in PyTorch, from the parameters of one of fastnn's."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import costs
from fastnn.normalization import BatchNorm


def activate(torch: Any, name: str, z: Any) -> Any:
    functions = torch.nn.functional
    if name in ("sigmoid", "tanh", "exp"):
        return getattr(torch, name)(z)
    if name == "identity":
        return z
    return torch.softmax(z, 1) if name == "softmax" else getattr(functions, name)(z)


def total_cost(torch: Any, cost: Any, a: Any, y: Any) -> Any:
    """The cost summed over all rows."""
    d = a - y
    if cost is costs.QuadraticCost:
        return (d**2).sum() / 2
    if cost is costs.CrossEntropyCost:
        return -(y * a.log() + (1 - y) * (1 - a).log()).sum()
    if cost is costs.LogLikelihoodCost:
        return -(y * a.log()).sum()
    if cost is costs.AbsoluteCost:
        return d.abs().sum()
    if cost is costs.PoissonCost:
        return (a - y * a.log()).sum()
    if isinstance(cost, costs.HuberCost):
        return torch.nn.functional.huber_loss(a, y, reduction="sum", delta=cost.parameter)
    return torch.maximum(-cost.parameter * d, (1 - cost.parameter) * d).sum()


class TorchTwin:
    """Leaf tensors with the values of ``net``'s parameters, and the passes over them.

    Attributes
    ----------
    weights, others : lists of tensors
        ``others`` are biases, gammas and betas, which no weight decay is for.
    running : list of (mean, variance)
        Batch norm's, one pair a hidden layer.
    """

    def __init__(self, torch: Any, net: Any) -> None:
        self.torch, self.net = torch, net
        self.weights = [self._leaf(w) for w in net.weights]
        self.biases = [self._leaf(b[:, 0]) for b in net.biases]
        self.gammas = [self._leaf(g[:, 0]) for g in net.gammas]
        self.betas = [self._leaf(b[:, 0]) for b in net.betas]
        self.others = [*self.biases, *self.gammas, *self.betas]
        self.running = [
            (torch.tensor(mean[:, 0].copy()), torch.tensor(variance[:, 0].copy()))
            for mean, variance in zip(net.running_means, net.running_variances, strict=True)
        ]

    def _leaf(self, array: np.ndarray) -> Any:
        return self.torch.tensor(np.array(array), dtype=self.torch.float64, requires_grad=True)

    def _normalize(self, z: Any, layer: int) -> Any:
        functions, norm = self.torch.nn.functional, self.net.normalization
        gamma, beta = self.gammas[layer], self.betas[layer]
        if isinstance(norm, BatchNorm):
            return functions.batch_norm(z, *self.running[layer], gamma, beta, training=True,
                                        momentum=norm.momentum, eps=norm.eps)  # fmt: skip
        groups = norm.groups_of(z.shape[1])
        return functions.group_norm(z, groups, gamma, beta, eps=norm.eps)

    def forward(self, X: np.ndarray) -> Any:
        a = self.torch.tensor(X)
        for l, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            z, hidden = a @ w.T + b, l < len(self.weights) - 1
            if hidden and self.net.normalization is not None:
                z = self._normalize(z, l)
            name = self.net.activation[l] if hidden else self.net.output
            a = activate(self.torch, name, z)
        return a

    def backward(self, X: np.ndarray, Y: np.ndarray) -> float:
        """Put the gradient of the mean cost into the leaves; return the mean cost."""
        for leaf in (*self.weights, *self.others):
            leaf.grad = None
        cost = total_cost(self.torch, self.net.cost, self.forward(X), self.torch.tensor(Y)) / len(X)
        cost.backward()
        return float(cost.detach())

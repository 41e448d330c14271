"""PyTorch twice: the loop its users write, and the same steps written out without autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.contenders.base import EPS, MOMENTUM, Contender, Parameters, Problem, RowOrder

if TYPE_CHECKING:
    from torch import Tensor, nn


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Hold PyTorch's number of threads for the length of a with block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Torch(Contender):
    """What both share: the data as tensors on the same memory, and torch's own thread count."""

    distribution = "torch"
    module = "torch"

    def pools(self, threads: int) -> AbstractContextManager:
        return torch_threads(threads)

    def setup(self, problem: Problem) -> None:
        import torch

        torch.manual_seed(problem.seed)
        self._problem, self._order = problem, RowOrder(problem)
        self._X, self._Y = torch.from_numpy(problem.X), torch.from_numpy(problem.Y)
        self._weights = [torch.tensor(w) for w in problem.weights]
        self._biases = [torch.tensor(b) for b in problem.biases]

    def train(self) -> None:
        import torch

        work = self._problem.work
        for _ in range(work.epochs):
            if self._problem.whole:
                self._step(self._X, self._Y)
                continue
            for rows in torch.from_numpy(self._order.next()).split(work.batch):
                self._step(self._X.index_select(0, rows), self._Y.index_select(0, rows))

    def _step(self, x: Tensor, y: Tensor) -> None:
        raise NotImplementedError

    def _arrays(self, *kinds: list[Tensor]) -> Parameters:
        """The parameters from lists of tensors in the order of `Parameters`."""
        return Parameters(*([t.detach().numpy() for t in kind] for kind in kinds))


class TorchLoop(_Torch):
    """nn.Sequential, a summed loss over the logits, autograd, fused SGD with weight decay."""

    name = "torch"
    label = "PyTorch"

    def setup(self, problem: Problem) -> None:
        import torch

        super().setup(problem)
        work = problem.work
        self._net, self._loss = self._model(), self._cost(work.cost)
        linears = [layer for layer in self._net if isinstance(layer, torch.nn.Linear)]
        self._norms = [layer for layer in self._net if isinstance(layer, torch.nn.BatchNorm1d)]
        self._weights = [layer.weight for layer in linears]
        self._biases = [layer.bias for layer in linears]
        decayed: dict[str, Any] = {
            "params": self._weights,
            "weight_decay": work.lmbda / len(problem.X),
        }
        affine = [p for norm in self._norms for p in norm.parameters()]
        free: dict[str, Any] = {"params": [*self._biases, *affine]}
        self._sgd = torch.optim.SGD([decayed, free], lr=work.eta, fused=True)
        self._out = torch.nn.Softmax(1) if work.cost == "log_likelihood" else torch.nn.Sigmoid()

    def _model(self) -> nn.Sequential:
        import torch

        work = self._problem.work
        hidden = {"sigmoid": torch.nn.Sigmoid, "relu": torch.nn.ReLU}
        layers: list[torch.nn.Module] = []
        for l, (w, b) in enumerate(zip(self._weights, self._biases, strict=True)):
            linear = torch.nn.Linear(w.shape[1], w.shape[0], dtype=w.dtype)
            with torch.no_grad():
                linear.weight.copy_(w)
                linear.bias.copy_(b)
            layers.append(linear)
            if l == work.n_hidden:
                break
            if work.batch_norm:
                layers.append(torch.nn.BatchNorm1d(len(b), EPS, MOMENTUM, dtype=w.dtype))
            layers.append(hidden[work.activation]())
            if work.dropout:
                layers.append(torch.nn.Dropout(work.dropout))
        return torch.nn.Sequential(*layers)

    @staticmethod
    def _cost(name: str) -> Callable[[Tensor, Tensor], Tensor]:
        from torch.nn import functional

        return {
            "cross_entropy": lambda z, y: functional.binary_cross_entropy_with_logits(
                z, y, reduction="sum"
            ),
            "quadratic": lambda z, y: functional.mse_loss(z.sigmoid(), y, reduction="sum").div(2),
            "log_likelihood": lambda z, y: functional.cross_entropy(z, y, reduction="sum"),
        }[name]

    def _step(self, x: Tensor, y: Tensor) -> None:
        self._sgd.zero_grad()
        (self._loss(self._net(x), y) / len(x)).backward()
        self._sgd.step()

    def predict(self, X: np.ndarray) -> np.ndarray:
        import torch

        self._net.eval()
        with torch.inference_mode():
            return self._out(self._net(torch.from_numpy(X))).numpy()

    def parameters(self) -> Parameters:
        kinds = ("weight", "bias", "running_mean", "running_var")
        of_norms = [[getattr(norm, kind) for norm in self._norms] for kind in kinds]
        return self._arrays(self._weights, self._biases, *of_norms)


class TorchByHand(_Torch):
    """No autograd and no optimizer: one addmm a layer forward, one fused addmm a weight update."""

    name = "torch_by_hand"
    label = "PyTorch by hand"

    def setup(self, problem: Problem) -> None:
        import torch

        super().setup(problem)
        hidden = self._biases[:-1] if problem.work.batch_norm else []
        self._gammas, self._variances = ([torch.ones_like(b) for b in hidden] for _ in range(2))
        self._betas, self._means = ([torch.zeros_like(b) for b in hidden] for _ in range(2))

    def train(self) -> None:
        import torch

        with torch.no_grad():
            super().train()

    def predict(self, X: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            a = torch.from_numpy(X)
            last = len(self._weights) - 1
            for l, (w, b) in enumerate(zip(self._weights, self._biases, strict=True)):
                z = torch.addmm(b, a, w.t())
                a = self._output(z) if l == last else self._activate(z)
            return a.numpy()

    def _step(self, x: Tensor, y: Tensor) -> None:
        import torch

        inputs, kept = [x], []  # of each layer; what its backward pass needs
        last = len(self._weights) - 1
        for l, (w, b) in enumerate(zip(self._weights, self._biases, strict=True)):
            z = torch.addmm(b, inputs[-1], w.t())
            if l < last:
                out, for_backward = self._hidden(l, z)
                inputs.append(out)
                kept.append(for_backward)
        delta = self._output_delta(self._output(z), y)
        for l in range(last, -1, -1):
            if l < last:
                delta = self._hidden_backward(l, delta, kept[l])
            w = self._weights[l]
            before = torch.mm(delta, w) if l else None
            w.addmm_(delta.t(), inputs[l], beta=self._problem.decay, alpha=-1)
            if l == last or not self._gammas:  # batch norm takes a bias off again
                self._biases[l].sub_(delta.sum(0))
            if before is not None:
                delta = before

    def _hidden(self, l: int, z: Tensor) -> tuple[Tensor, tuple]:
        """Normalization, activation and dropout of a hidden layer."""
        import torch

        norm: tuple[Tensor, list[Tensor]] | None = None
        mask = None
        if self._gammas:
            running = self._means[l], self._variances[l]
            x = z
            z, *saved = torch.native_batch_norm(
                x, self._gammas[l], self._betas[l], *running, True, MOMENTUM, EPS
            )
            norm = x, saved
        a = out = self._activate(z)
        if self._problem.work.dropout:
            out, mask = torch.native_dropout(a, self._problem.work.dropout, True)
        return out, (a, norm, mask)

    def _hidden_backward(self, l: int, delta: Tensor, kept: tuple) -> Tensor:
        """The delta before the layer's activation and normalization; steps γ and β."""
        import torch

        a, norm, mask = kept
        if mask is not None:
            scale = 1 / (1 - self._problem.work.dropout)
            delta = torch.ops.aten.native_dropout_backward(delta, mask, scale)
        delta = self._backward(delta, a)
        if norm is not None:
            x, saved = norm
            delta, dgamma, dbeta = torch.ops.aten.native_batch_norm_backward(
                delta, x, self._gammas[l], None, None, *saved, True, EPS, [True] * 3
            )
            self._gammas[l].sub_(dgamma)
            self._betas[l].sub_(dbeta)
        return delta

    def _activate(self, z: Tensor) -> Tensor:
        return z.relu_() if self._problem.work.activation == "relu" else z.sigmoid_()

    def _output(self, z: Tensor) -> Tensor:
        return z.softmax(1) if self._problem.work.cost == "log_likelihood" else z.sigmoid_()

    def _backward(self, delta: Tensor, a: Tensor) -> Tensor:
        if self._problem.work.activation == "relu":
            return delta.mul_(a > 0)
        return delta.mul_(a.addcmul(a, a, value=-1))

    def _output_delta(self, a: Tensor, y: Tensor) -> Tensor:
        work = self._problem.work
        delta = a - y
        if work.cost == "quadratic":
            delta.mul_(a.addcmul(a, a, value=-1))
        return delta.mul_(work.eta / len(a))  # the deltas behind it are linear in it

    def parameters(self) -> Parameters:
        return self._arrays(
            self._weights, self._biases, self._gammas, self._betas, self._means, self._variances
        )

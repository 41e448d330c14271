"""PyTorch twice: the loop its users write, and the same steps written out without autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.contenders.base import Contender, Parameters, Problem, RowOrder

if TYPE_CHECKING:
    from torch import Tensor, nn


class _Torch(Contender):
    """What both share: the data as tensors on the same memory, and torch's own thread count."""

    distribution = "torch"
    module = "torch"

    @contextmanager
    def pools(self, threads: int) -> Iterator[None]:
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def setup(self, problem: Problem) -> None:
        import torch

        self._problem, self._order = problem, RowOrder(problem)
        self._X, self._Y = torch.from_numpy(problem.X), torch.from_numpy(problem.Y)
        self._weights = [torch.tensor(w) for w in problem.weights]
        self._biases = [torch.tensor(b) for b in problem.biases]

    def epoch(self) -> None:
        import torch

        for rows in torch.from_numpy(self._order.next()).split(self._problem.work.batch):
            self._step(rows)

    def _step(self, rows: Tensor) -> None:
        raise NotImplementedError

    def parameters(self) -> Parameters:
        return (
            [w.detach().numpy() for w in self._weights],
            [b.detach().numpy() for b in self._biases],
        )


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
        self._weights = [layer.weight for layer in linears]
        self._biases = [layer.bias for layer in linears]
        decayed = {"params": self._weights, "weight_decay": work.lmbda / len(problem.X)}
        self._sgd = torch.optim.SGD([decayed, {"params": self._biases}], lr=work.eta, fused=True)

    def _model(self) -> nn.Sequential:
        import torch

        hidden = {"sigmoid": torch.nn.Sigmoid, "relu": torch.nn.ReLU}
        layers: list[torch.nn.Module] = []
        for w, b in zip(self._weights, self._biases, strict=True):
            linear = torch.nn.Linear(w.shape[1], w.shape[0], dtype=w.dtype)
            with torch.no_grad():
                linear.weight.copy_(w)
                linear.bias.copy_(b)
            layers += [linear, hidden[self._problem.work.activation]()]
        return torch.nn.Sequential(*layers[:-1])

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

    def _step(self, rows: Tensor) -> None:
        self._sgd.zero_grad()
        (self._loss(self._net(self._X[rows]), self._Y[rows]) / len(rows)).backward()
        self._sgd.step()


class TorchByHand(_Torch):
    """No autograd and no optimizer: one addmm a layer forward, one fused addmm a weight update."""

    name = "torch_by_hand"
    label = "PyTorch by hand"

    def epoch(self) -> None:
        import torch

        with torch.no_grad():
            super().epoch()

    def _step(self, rows: Tensor) -> None:
        import torch

        a = [self._X.index_select(0, rows)]
        last = len(self._weights) - 1
        for layer, (w, b) in enumerate(zip(self._weights, self._biases, strict=True)):
            z = torch.addmm(b, a[-1], w.t())
            a.append(self._output(z) if layer == last else self._activate(z))
        delta = self._output_delta(a[-1], rows)
        for layer in range(last, -1, -1):
            w = self._weights[layer]
            before = torch.mm(delta, w) if layer else None
            w.addmm_(delta.t(), a[layer], beta=self._problem.decay, alpha=-1)
            self._biases[layer].sub_(delta.sum(0))
            if before is not None:
                delta = self._backward(before, a[layer])

    def _activate(self, z: Tensor) -> Tensor:
        return z.relu_() if self._problem.work.activation == "relu" else z.sigmoid_()

    def _output(self, z: Tensor) -> Tensor:
        return z.softmax(1) if self._problem.work.cost == "log_likelihood" else z.sigmoid_()

    def _backward(self, delta: Tensor, a: Tensor) -> Tensor:
        if self._problem.work.activation == "relu":
            return delta.mul_(a > 0)
        return delta.mul_(a.addcmul(a, a, value=-1))

    def _output_delta(self, a: Tensor, rows: Tensor) -> Tensor:
        work = self._problem.work
        delta = a - self._Y.index_select(0, rows)
        if work.cost == "quadratic":
            delta.mul_(a.addcmul(a, a, value=-1))
        return delta.mul_(work.eta / len(rows))  # the deltas behind it are linear in it

"""PyTorch's modules and state_dicts as networks, and back."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytorch import import_torch

import fastnn
from fastnn import convert
from fastnn.normalization import BatchNorm, GroupNorm, LayerNorm

torch = import_torch()
nn = torch.nn
# How many random modules are tried; the longer form of these tests is 60.
CASES = int(os.environ.get("FASTNN_CONVERT_CASES", "12"))
ACTIVATIONS: dict[str, Any] = {
    "identity": nn.Identity(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(0.01),
    "elu": nn.ELU(),
    "selu": nn.SELU(),
    "gelu": nn.GELU(),
    "silu": nn.SiLU(),
    "mish": nn.Mish(),
    "softplus": nn.Softplus(),
}
OUTPUTS: dict[str, Any] = {
    "identity": None,
    "sigmoid": nn.Sigmoid(),
    "softmax": nn.Softmax(dim=1),
}


def random_module(seed: int) -> tuple[Any, list[Any], str]:
    """A Sequential in either dtype, its layers as ``from_state_dict`` wants them, its output."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    sizes = [int(n) for n in 2 * rng.integers(1, 5, rng.integers(2, 8))]
    norm = rng.choice(["none", "batch", "layer", "group"])
    modules: list[Any] = []
    layers: list[Any] = []
    for n_in, n_out in pairwise(sizes[:-1]):
        modules.append(nn.Linear(n_in, n_out, bias=bool(rng.integers(2))))
        layers.append("linear")
        made = {
            "batch": (nn.BatchNorm1d(n_out, 1e-3, 0.2), BatchNorm(0.2, 1e-3)),
            "layer": (nn.LayerNorm(n_out), LayerNorm()),
            "group": (nn.GroupNorm(2, n_out), GroupNorm(2)),
        }
        if norm != "none":
            module, layer = made[norm]
            modules.append(module)
            layers.append(layer)
        name = str(rng.choice([*ACTIVATIONS]))
        modules.append(ACTIVATIONS[name])
        layers.append(name)
        if rng.integers(2):
            modules.append(nn.Dropout(0.25))
            layers.append(fastnn.Dropout(0.25))
    modules.append(nn.Linear(sizes[-2], sizes[-1]))
    layers.append("linear")
    output = str(rng.choice([*OUTPUTS]))
    if OUTPUTS[output] is not None:
        modules.append(OUTPUTS[output])
        layers.append(output)
    module = nn.Sequential(*modules).to(torch.float64 if rng.integers(2) else torch.float32)
    with torch.no_grad():  # statistics, scales and shifts that are not those of the beginning
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        module(torch.randn(64, sizes[0], dtype=next(module.parameters()).dtype) * 2 + 1)
    return module.eval(), layers, output


def rows(module: Any, n: int = 1000) -> np.ndarray:
    first = next(each for each in module.modules() if isinstance(each, nn.Linear)).weight
    X = np.random.default_rng(1).normal(size=(n, first.shape[1]))
    return X.astype(np.float64 if first.dtype == torch.float64 else np.float32)


def outputs(module: Any, X: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        found: np.ndarray = module(torch.from_numpy(X)).numpy()
    return found


def assert_same(net: fastnn.Network, module: Any) -> None:
    X = rows(module)
    assert net.dtype == X.dtype
    wanted = outputs(module, X)
    tolerance = 1e-12 if X.dtype == np.float64 else 2e-5
    np.testing.assert_allclose(net.predict(X), wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("seed", range(CASES))
def test_a_module_predicts_the_same_by_every_way(seed: int, tmp_path: Path) -> None:
    module, layers, output = random_module(seed)
    net = convert.from_torch(module)
    assert_same(net, module)
    assert net.output == output
    kept = [each.rate for each in net.dropout if each.rate]
    assert len(kept) == sum(isinstance(each, nn.Dropout) for each in module)
    by_state = convert.from_state_dict(module.state_dict(), layers)
    np.testing.assert_array_equal(by_state.parameters, net.parameters)
    torch.save(module.state_dict(), tmp_path / "module.pt")
    by_file = convert.from_state_dict(tmp_path / "module.pt", layers)
    np.testing.assert_array_equal(by_file.parameters, net.parameters)
    np.testing.assert_array_equal(by_file.running_statistics, net.running_statistics)
    assert by_file.normalization == net.normalization
    assert_same(convert.from_torch(module, inference=True), module)


@pytest.mark.parametrize("seed", range(4))
def test_to_fastnn_and_back_to_torch(seed: int) -> None:
    module, _, _ = random_module(100 + seed)
    twin, _, _ = random_module(100 + seed)
    net = convert.from_torch(module)
    numbers = iter(
        part
        for l in range(len(net.weights))
        for part in (
            net.weights[l],
            net.biases[l],
            *((net.gammas[l], net.betas[l]) if l < len(net.gammas) else ()),
        )
    )
    with torch.no_grad():
        for each in twin:
            if isinstance(each, nn.Linear):
                each.weight.copy_(torch.from_numpy(np.array(next(numbers))))
                b = next(numbers)
                if each.bias is not None:
                    each.bias.copy_(torch.from_numpy(b[:, 0].copy()))
            elif hasattr(each, "weight"):
                each.weight.copy_(torch.from_numpy(next(numbers)[:, 0].copy()))
                each.bias.copy_(torch.from_numpy(next(numbers)[:, 0].copy()))
    X = rows(module)
    np.testing.assert_array_equal(outputs(twin, X), outputs(module, X))


def test_safetensors_of_the_library(tmp_path: Path) -> None:
    save_file = pytest.importorskip(
        "safetensors.torch", reason="the library safetensors is not installed (the extra dev)"
    ).save_file
    module, layers, _ = random_module(7)
    save_file(module.state_dict(), tmp_path / "module.safetensors", metadata={"by": "a test"})
    net = convert.from_state_dict(tmp_path / "module.safetensors", layers)
    np.testing.assert_array_equal(net.parameters, convert.from_torch(module).parameters)
    np.testing.assert_array_equal(
        net.running_statistics, convert.from_torch(module).running_statistics
    )


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_halves_become_float32_exactly(kind: str, tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).to(getattr(torch, kind))
    torch.save(module.state_dict(), tmp_path / "half.pt")
    layers = ["linear", "tanh", "linear"]
    for net in (
        convert.from_torch(module),
        convert.from_state_dict(tmp_path / "half.pt", layers),
    ):
        assert net.dtype == np.float32
        np.testing.assert_array_equal(net.weights[0], module[0].weight.detach().float().numpy())


def test_views_and_nested_modules(tmp_path: Path) -> None:
    """A transposed weight is a view with other strides; two tensors may share a storage."""
    whole = torch.arange(24, dtype=torch.float64)
    state = {
        "body.0.weight": whole[:6].reshape(2, 3).T,
        "body.0.bias": whole[10:13],
        "head.weight": whole[3:9].reshape(2, 3),
        "head.bias": whole[::12],
    }
    path = tmp_path / "views.pt"
    torch.save({f"net.{name}": tensor for name, tensor in state.items()}, path)
    layers = {"body.0": "linear", "body.1": "sigmoid", "head": "linear"}
    net = convert.from_state_dict(path, layers, prefix="net.", output="softmax")
    np.testing.assert_array_equal(net.weights[0], state["body.0.weight"].numpy())
    np.testing.assert_array_equal(net.biases[0][:, 0], [10, 11, 12])
    np.testing.assert_array_equal(net.weights[1], state["head.weight"].numpy())
    np.testing.assert_array_equal(net.biases[1][:, 0], [0, 12])
    module = nn.Sequential(
        nn.Flatten(), nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU())), nn.Linear(4, 2)
    ).eval()
    assert_same(convert.from_torch(module), module)


def test_what_is_trained_on_logits() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    X = rows(module)
    wanted = torch.softmax(module(torch.from_numpy(X)), dim=1).detach().numpy()
    net = convert.from_torch(module, output="softmax")
    assert net.cost is fastnn.LogLikelihoodCost
    np.testing.assert_allclose(net.predict(X), wanted, rtol=1e-12, atol=1e-14)
    logs = nn.Sequential(*module, nn.LogSoftmax(dim=1))
    np.testing.assert_allclose(
        convert.from_torch(logs, output="softmax").predict(X), wanted, rtol=1e-12
    )
    huber = convert.from_torch(module, cost=fastnn.HuberCost(2.0))
    assert huber.cost.parameter == 2.0 and huber.output == "identity"


def test_batch_norm_anywhere_is_folded_for_inference() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.BatchNorm1d(3), nn.Linear(3, 4), nn.ReLU(), nn.BatchNorm1d(4), nn.Linear(4, 5),
        nn.BatchNorm1d(5), nn.Tanh(), nn.Dropout(0.5), nn.Linear(5, 2), nn.BatchNorm1d(2),
    ).double()  # fmt: skip
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    module(3 * torch.randn(40, 3).double() + 1)
    with pytest.raises(ValueError, match=r"layer 0: .*first dense layer"):
        convert.from_torch(module)
    assert_same(convert.from_torch(module.eval(), inference=True), module)


class Doubled(nn.Linear):
    def forward(self, x: Any) -> Any:
        return 2 * super().forward(x)


def _hooked() -> Any:
    linear = nn.Linear(3, 2)
    linear.register_forward_hook(lambda module, given, made: 2 * made)
    return linear


REFUSED = {
    "layer 1: ReLU6": [nn.Linear(3, 2), nn.ReLU6(), nn.Linear(2, 2)],
    "layer 1: LeakyReLU": [nn.Linear(3, 2), nn.LeakyReLU(0.2), nn.Linear(2, 2)],
    "layer 1: GELU": [nn.Linear(3, 2), nn.GELU("tanh"), nn.Linear(2, 2)],
    "layer 1: Softplus": [nn.Linear(3, 2), nn.Softplus(2.0), nn.Linear(2, 2)],
    "layer 1: ELU": [nn.Linear(3, 2), nn.ELU(0.5), nn.Linear(2, 2)],
    "layer 1: softmax in a hidden": [nn.Linear(3, 2), nn.Softmax(1), nn.Linear(2, 2)],
    "layer 1: Softmax": [nn.Linear(3, 2), nn.Softmax(0)],
    "layer 1: tanh of the outputs": [nn.Linear(3, 2), nn.Tanh()],
    "layer 1: log_softmax of the outputs": [nn.Linear(3, 2), nn.LogSoftmax(1)],
    "layer 2: normalization after relu 1": [
        nn.Linear(3, 2), nn.ReLU(), nn.BatchNorm1d(2), nn.Linear(2, 2)],
    "layer 1: BatchNorm1d": [
        nn.Linear(3, 2), nn.BatchNorm1d(2, track_running_stats=False), nn.Linear(2, 2)],
    "layer 3: expected the normalization of layer 1": [
        nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 2), nn.LayerNorm(2), nn.Linear(2, 2)],
    "layer 2: expected the normalization of layer 1": [
        nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 2), nn.Linear(2, 2)],
    "layer 0: dropout before": [nn.Dropout(0.1), nn.Linear(3, 2)],
    "layer 1: dropout of the outputs": [nn.Linear(3, 2), nn.Dropout(0.1)],
    "layer 2: relu after dropout 1": [
        nn.Linear(3, 2), nn.Dropout(0.1), nn.ReLU(), nn.Linear(2, 2)],
    "layer 1: expected 2 inputs": [nn.Linear(3, 2), nn.Linear(3, 2)],
    "layer 0: Doubled": [Doubled(3, 2)],
    "layer 0: Linear with hooks": [_hooked()],
    "layer 0: Conv1d": [nn.Conv1d(3, 2, 1)],
    "layers: expected at least one dense": [nn.Flatten()],
}  # fmt: skip


@pytest.mark.parametrize("said", REFUSED)
def test_what_is_no_layer_is_refused_by_its_name(said: str) -> None:
    with pytest.raises(ValueError) as caught:
        convert.from_torch(nn.Sequential(*REFUSED[said]))
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_module_of_ones_own_is_refused() -> None:
    for module in (Doubled(3, 2), nn.ReLU(), None, torch.zeros(3)):
        with pytest.raises(TypeError, match=r"^module: expected an nn\.Sequential"):
            convert.from_torch(module)


def test_one_linear_layer() -> None:
    linear = nn.Linear(3, 2)
    assert_same(convert.from_torch(linear), linear)

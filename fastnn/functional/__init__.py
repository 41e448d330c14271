"""The kernels as functions of arrays: normalizations, the dense layer, the activations.

What goes forward has a partner that goes back: ``y, cache = layer_norm_forward(x, gamma, beta)``
and ``dx, dgamma, dbeta = layer_norm_backward(dy, cache)``; ``layer_norm(x, gamma, beta)`` returns
y alone. The first array decides the precision: float32 stays float32, all else becomes float64.
Arguments may lie in memory in any order and be read-only; they are not changed, but for the
running statistics of batch norm.
"""

from fastnn.functional._activation import (
    elu,
    elu_backward,
    exp,
    exp_backward,
    gelu,
    gelu_backward,
    identity,
    identity_backward,
    leaky_relu,
    leaky_relu_backward,
    mish,
    mish_backward,
    relu,
    relu_backward,
    selu,
    selu_backward,
    sigmoid,
    sigmoid_backward,
    silu,
    silu_backward,
    softmax,
    softmax_backward,
    softplus,
    softplus_backward,
    tanh,
    tanh_backward,
)
from fastnn.functional._batch_norm import batch_norm, batch_norm_backward, batch_norm_forward
from fastnn.functional._linear import dense, dense_backward, dense_forward
from fastnn.functional._row_norms import (
    group_norm,
    group_norm_backward,
    group_norm_forward,
    instance_norm,
    instance_norm_backward,
    instance_norm_forward,
    layer_norm,
    layer_norm_backward,
    layer_norm_forward,
)

__all__ = [
    "batch_norm",
    "batch_norm_forward",
    "batch_norm_backward",
    "layer_norm",
    "layer_norm_forward",
    "layer_norm_backward",
    "group_norm",
    "group_norm_forward",
    "group_norm_backward",
    "instance_norm",
    "instance_norm_forward",
    "instance_norm_backward",
    "dense",
    "dense_forward",
    "dense_backward",
    "identity",
    "identity_backward",
    "sigmoid",
    "sigmoid_backward",
    "tanh",
    "tanh_backward",
    "relu",
    "relu_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "elu",
    "elu_backward",
    "selu",
    "selu_backward",
    "gelu",
    "gelu_backward",
    "silu",
    "silu_backward",
    "mish",
    "mish_backward",
    "softplus",
    "softplus_backward",
    "softmax",
    "softmax_backward",
    "exp",
    "exp_backward",
]

"""The classes of *Deep Learning from Scratch* (Saitoh, chapters 5 and 6), written out once more.

Plain NumPy in the book's order, a layer at a time; it knows nothing of fastnn. ``Plain`` is all of
the book's networks: ``TwoLayerNet`` and ``MultiLayerNet`` are cases of ``MultiLayerNetExtend``.
"""

from itertools import pairwise

import numpy as np


class Product:
    def __init__(self, params, l):
        self.W, self.b = params[f"W{l}"], params[f"b{l}"]

    def forward(self, x, training):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class Rectifier:
    def forward(self, x, training):
        self.off = x <= 0
        return np.where(self.off, 0, x)

    def backward(self, dout):
        return np.where(self.off, 0, dout)


class Logistic:
    def forward(self, x, training):
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def backward(self, dout):
        return dout * (1 - self.out) * self.out


class Mask:
    """Units are dropped in training, and all are scaled down at test."""

    def __init__(self, ratio):
        self.ratio = ratio

    def forward(self, x, training):
        if not training:
            return x * (1 - self.ratio)
        self.kept = np.random.rand(*x.shape) > self.ratio
        return x * self.kept

    def backward(self, dout):
        return dout * self.kept


class Norm:
    """Batch norm; its ε is 10e-7, and its running statistics, both biased, start at nothing."""

    def __init__(self, params, l):
        self.gamma, self.beta = params[f"gamma{l}"], params[f"beta{l}"]
        self.mean = self.var = 0.0

    def forward(self, x, training):
        if not training:
            return self.gamma * (x - self.mean) / np.sqrt(self.var + 10e-7) + self.beta
        mean = x.mean(axis=0)
        centred = x - mean
        var = (centred**2).mean(axis=0)
        self.std = np.sqrt(var + 10e-7)
        self.hat = centred / self.std
        self.mean = 0.9 * self.mean + 0.1 * mean
        self.var = 0.9 * self.var + 0.1 * var
        return self.gamma * self.hat + self.beta

    def backward(self, dout):
        self.dgamma, self.dbeta = (dout * self.hat).sum(axis=0), dout.sum(axis=0)
        g = self.gamma * dout
        return (g - g.mean(axis=0) - self.hat * (g * self.hat).mean(axis=0)) / self.std


class Plain:
    def __init__(self, sizes, activation="relu", std="relu", decay=0, dropout=None, norm=False):
        self.n_layers, self.decay, self.params = len(sizes) - 1, decay, {}
        gains = {"relu": 2.0, "he": 2.0, "sigmoid": 1.0, "xavier": 1.0}
        for l, (n, m) in enumerate(pairwise(sizes), 1):
            scale = np.sqrt(gains[std] / n) if isinstance(std, str) else std
            self.params[f"W{l}"] = scale * np.random.randn(n, m)
            self.params[f"b{l}"] = np.zeros(m)
            if norm and l < self.n_layers:
                self.params[f"gamma{l}"], self.params[f"beta{l}"] = np.ones(m), np.zeros(m)
        self.products = [Product(self.params, l + 1) for l in range(self.n_layers)]
        self.norms = [Norm(self.params, l + 1) for l in range(self.n_layers - 1)] if norm else []
        self.layers = []
        for l, product in enumerate(self.products):
            self.layers.append(product)
            if l < self.n_layers - 1:
                self.layers += self.norms[l : l + 1]
                self.layers.append(Rectifier() if activation == "relu" else Logistic())
                self.layers += [] if dropout is None else [Mask(dropout)]

    def predict(self, x, train_flg=False):
        for layer in self.layers:
            x = layer.forward(x, train_flg)
        return x

    def loss(self, x, t, train_flg=False):
        z = self.predict(x, train_flg)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        labels = t if t.ndim == 1 else t.argmax(axis=1)
        penalty = sum(0.5 * self.decay * np.sum(each.W**2) for each in self.products)
        return -np.log(self.y[np.arange(len(x)), labels] + 1e-7).sum() / len(x) + penalty

    def accuracy(self, x, t):
        labels = t if t.ndim == 1 else t.argmax(axis=1)
        return np.sum(self.predict(x).argmax(axis=1) == labels) / len(x)

    def gradient(self, x, t):
        self.loss(x, t, train_flg=True)
        wanted = np.eye(self.y.shape[1])[t] if t.ndim == 1 else t
        dout = (self.y - wanted) / len(x)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        grads = {}
        for l, each in enumerate(self.products, 1):
            grads[f"W{l}"], grads[f"b{l}"] = each.dW + self.decay * each.W, each.db
        for l, each in enumerate(self.norms, 1):
            grads[f"gamma{l}"], grads[f"beta{l}"] = each.dgamma, each.dbeta
        return grads


class Stepper:
    """Each of the book's optimizers, by its name; ε = 1e-7 stands outside of the root."""

    def __init__(self, name, lr, momentum=0.9, decay_rate=0.99, beta1=0.9, beta2=0.999):
        self.step, self.lr, self.momentum = getattr(self, name), lr, momentum
        self.decay_rate, self.beta1, self.beta2 = decay_rate, beta1, beta2
        self.one, self.two, self.t = {}, {}, 0

    def update(self, params, grads):
        self.t += 1
        for key, g in grads.items():
            one, two = (kept.setdefault(key, np.zeros_like(g)) for kept in (self.one, self.two))
            self.step(params[key], g, one, two)

    def sgd(self, p, g, one, two):
        p -= self.lr * g

    def _go_on(self, v, g):
        v *= self.momentum
        v -= self.lr * g

    def with_momentum(self, p, g, v, two):
        self._go_on(v, g)
        p += v

    def nesterov(self, p, g, v, two):
        p += self.momentum**2 * v - (1 + self.momentum) * self.lr * g
        self._go_on(v, g)

    def adagrad(self, p, g, h, two):
        h += g * g
        p -= self.lr * g / (np.sqrt(h) + 1e-7)

    def rmsprop(self, p, g, h, two):
        h *= self.decay_rate
        h += (1 - self.decay_rate) * g * g
        p -= self.lr * g / (np.sqrt(h) + 1e-7)

    def adam(self, p, g, m, v):
        rate = self.lr * np.sqrt(1 - self.beta2**self.t) / (1 - self.beta1**self.t)
        m += (1 - self.beta1) * (g - m)
        v += (1 - self.beta2) * (g * g - v)
        p -= rate * m / (np.sqrt(v) + 1e-7)


def train(net, stepper, x, t, x_test, t_test, epochs, size):
    """Return the losses of all steps, and the accuracies once an epoch, on both parts."""
    losses, right, right_test = [], [], []
    per_epoch = max(len(x) / size, 1)
    for i in range(int(epochs * per_epoch)):
        batch = np.random.choice(len(x), size)
        stepper.update(net.params, net.gradient(x[batch], t[batch]))
        losses.append(net.loss(x[batch], t[batch]))
        if i % per_epoch == 0:
            right.append(net.accuracy(x, t))
            right_test.append(net.accuracy(x_test, t_test))
    return losses, right, right_test


# By the book's names, for programs.


def MultiLayerNetExtend(
    input_size, hidden_size_list, output_size, activation="relu", weight_init_std="relu",
    weight_decay_lambda=0, use_dropout=False, dropout_ration=0.5, use_batchnorm=False,
):  # fmt: skip
    sizes = [input_size, *hidden_size_list, output_size]
    dropout = dropout_ration if use_dropout else None
    return Plain(sizes, activation, weight_init_std, weight_decay_lambda, dropout, use_batchnorm)


MultiLayerNet = MultiLayerNetExtend


def TwoLayerNet(input_size, hidden_size, output_size, weight_init_std=0.01):
    return Plain([input_size, hidden_size, output_size], std=weight_init_std)


def SGD(lr=0.01):
    return Stepper("sgd", lr)


def Momentum(lr=0.01, momentum=0.9):
    return Stepper("with_momentum", lr, momentum)


def AdaGrad(lr=0.01):
    return Stepper("adagrad", lr)


def Adam(lr=0.001):
    return Stepper("adam", lr)


class Trainer:
    def __init__(
        self, network, x_train, t_train, x_test, t_test, epochs, mini_batch_size, optimizer_param,
        verbose,
    ):  # fmt: skip
        self.told = network, SGD(**optimizer_param), x_train, t_train, x_test, t_test, epochs
        self.size = mini_batch_size

    def train(self):
        self.train_loss_list, self.train_acc_list, self.test_acc_list = train(*self.told, self.size)

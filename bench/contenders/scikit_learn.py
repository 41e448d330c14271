"""scikit-learn's MLPClassifier, brought to the same algorithm."""

from __future__ import annotations

import warnings

import numpy as np

from bench.contenders.base import Contender, Parameters, Problem
from bench.works import Work

ACTIVATIONS = {"sigmoid": "logistic", "relu": "relu"}


class ScikitLearn(Contender):
    """`fit` with solver "sgd" and warm_start, all epochs in one call.

    Labels would give a softmax with log-loss. The one-hot rows, taken as a multilabel target,
    give sigmoid outputs with the cross-entropy summed over them: the book's own model.
    """

    name = "sklearn"
    label = "scikit-learn"
    distribution = "scikit-learn"
    module = "sklearn"

    def refuses(self, work: Work, n: int) -> str | None:
        if work.batch_norm or work.dropout:
            return "it has neither batch norm nor dropout"
        if work.cost == "quadratic":
            return "its classifier has no quadratic cost"
        if work.lmbda and n % work.batch:
            return "its L2 is divided by the rows of each mini-batch, and the last one is shorter"
        return None

    def setup(self, problem: Problem) -> None:
        from sklearn.neural_network import MLPClassifier

        work, n = problem.work, len(problem.X)
        self._net = MLPClassifier(
            work.sizes[1:-1],
            activation=ACTIVATIONS[work.activation],
            solver="sgd",
            alpha=work.lmbda * work.batch / n,
            batch_size=min(work.batch, n),
            learning_rate="constant",
            learning_rate_init=work.eta,
            momentum=0.0,
            nesterovs_momentum=False,
            shuffle=problem.shuffle,
            random_state=np.random.RandomState(problem.seed),  # an instance: it moves on
            max_iter=work.epochs,
            n_iter_no_change=np.inf,  # it would stop when its loss no longer falls
            warm_start=True,
        )
        one_label = work.cost == "log_likelihood" or work.sizes[-1] == 1
        self._target = problem.labels if one_label else problem.Y.astype(int)
        self._X = problem.X
        self._create(problem)

    def _create(self, problem: Problem) -> None:
        """Let it allocate on one row of each class, then write the problem's parameters in."""
        one_of_each = np.unique(problem.labels, return_index=True)[1]
        epochs, self._net.max_iter = self._net.max_iter, 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._net.fit(self._X[one_of_each], self._target[one_of_each])
        self._net.max_iter = epochs
        for i, (w, b) in enumerate(zip(problem.weights, problem.biases, strict=True)):
            self._net.coefs_[i][...] = w.T
            self._net.intercepts_[i][...] = b

    def train(self) -> None:
        from sklearn import config_context

        # assume_finite spares it a pass over the data at every call.
        with warnings.catch_warnings(), config_context(assume_finite=True):
            warnings.simplefilter("ignore")  # "not converged" after the iterations asked for
            self._net.fit(self._X, self._target)

    def predict(self, X: np.ndarray) -> np.ndarray:
        from sklearn import config_context

        with config_context(assume_finite=True):
            outputs = self._net.predict_proba(X)
        # Of two classes it gives both columns, and the network has one output.
        return outputs[:, 1:] if len(self._net.intercepts_[-1]) == 1 else outputs

    def parameters(self) -> Parameters:
        return Parameters([w.T for w in self._net.coefs_], list(self._net.intercepts_))

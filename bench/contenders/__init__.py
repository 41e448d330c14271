"""The contenders, one file a library; CONTENDERS is the order of a round."""

from __future__ import annotations

from bench.contenders.base import Contender, Parameters, Problem
from bench.contenders.jax_scan import JaxScan
from bench.contenders.networks import Fastnn, FastnnOneThread, Reference
from bench.contenders.numpy_by_hand import NumpyByHand
from bench.contenders.pytorch import TorchByHand, TorchLoop
from bench.contenders.scikit_learn import ScikitLearn

CONTENDERS: dict[str, type[Contender]] = {
    contender.name: contender
    for contender in (
        Reference,
        NumpyByHand,
        ScikitLearn,
        TorchLoop,
        TorchByHand,
        JaxScan,
        Fastnn,
        FastnnOneThread,
    )
}

__all__ = ["CONTENDERS", "Contender", "Parameters", "Problem"]

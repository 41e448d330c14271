"""The network in plain NumPy, one example at a time: slow, and what the kernels must equal."""

from fastnn.reference.network import Network

__all__ = ["Network"]

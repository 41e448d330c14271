"""The C kernels, compiled once: their tables are for the other compiled modules."""

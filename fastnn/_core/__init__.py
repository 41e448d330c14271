"""The engine: plan, threads, and the compiled kernels below them."""

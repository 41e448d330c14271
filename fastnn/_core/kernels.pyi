"""The tables of C kernels: nothing for Python to see."""

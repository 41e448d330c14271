"""The optimizer's step: for the other compiled modules, with nothing for Python to call."""

"""A mini-batch back through the layers and its step, for the other compiled modules."""

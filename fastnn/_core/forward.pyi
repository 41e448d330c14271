"""A mini-batch forward through the layers, for the other compiled modules."""

"""The products of a dense layer: nothing of them is for Python."""

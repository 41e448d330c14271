"""Measurements of fastnn beside the other ways to train the same small network on a CPU."""

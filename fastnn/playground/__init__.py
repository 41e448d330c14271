"""A page on this machine on which a network trains before one's eyes: ``fastnn playground``."""

from fastnn.playground._serve import serve

__all__ = ["serve"]

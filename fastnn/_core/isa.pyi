"""Which instruction set the kernels use: chosen once, when fastnn is loaded."""

LEVELS: tuple[str, ...]
instruction_set: str

def available() -> tuple[str, ...]:
    """Return the instruction sets that this processor has, the best last."""

"""Numbers that several parts of the core share, each of them here alone.

Python finds those it needs in ``fastnn._core.compiled_plan``.
"""

cdef enum:
    CACHE_LINE = 64         # bytes
    DOUBLES_PER_LINE = 8    # CACHE_LINE // sizeof(double)
    ALIGNMENT = 16          # numbers: blocks of memory start at multiples, a cache line of float32
    MAX_LANES = 16          # SIMD lanes of the widest vector: feature-major rows are padded to them
    MAX_PARTIAL_SUMS = 16   # of a split layer, or of a mini-batch
    MAX_WORKERS = 64        # of the thread pool
    WIDE_LAYER = 128        # inputs and neurons from which the product of a prediction packs
    ROW_BUFFER = 1024       # numbers converted at a time: at least one feature-major row

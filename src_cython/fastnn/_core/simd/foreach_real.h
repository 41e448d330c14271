/* The two number types of one instruction set: a part of foreach_isa.h. */
#define REAL double
#define REAL_BITS 64
#define LANES (VECTOR_BYTES ? VECTOR_BYTES / 8 : 1)
#include FOREACH_FILE
#undef REAL
#undef REAL_BITS
#undef LANES

#define REAL float
#define REAL_BITS 32
#define LANES (VECTOR_BYTES ? VECTOR_BYTES / 4 : 1)
#include FOREACH_FILE
#undef REAL
#undef REAL_BITS
#undef LANES

/* The two number types of one instruction set: a part of each_isa.h. */
#define REAL double
#define REAL_BITS 64
#define LANES (VECTOR_BYTES / 8)
#include KERNELS
#undef REAL
#undef REAL_BITS
#undef LANES

#define REAL float
#define REAL_BITS 32
#define LANES (VECTOR_BYTES / 4)
#include KERNELS
#undef REAL
#undef REAL_BITS
#undef LANES

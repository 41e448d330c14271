/* Includes a file of kernels once per instruction set and number type, and makes their tables.
 *
 * The includer names the file: #define KERNELS "small_products.h". The file gives its functions
 * the names NAME(product) = product_double_v4 and so on, and finds
 *   REAL, REAL_BITS   double and 64, or float and 32
 *   LANES             how many of it a vector holds
 *   ISA, ISA_LEVEL    base and 0, v3 and 1, v4 and 2 (see isa.h)
 * Afterwards FOR_EACH_ISA(M) is M(base), M(v3), M(v4), as far as the compiler makes them.
 * Compilers without vector types, where isa.h does not define FASTNN_HAVE_VECTORS, make base of
 * plain numbers: one lane.
 */
#define NAME_OF(name, type, isa) name##_##type##_##isa
#define NAME_IN(name, type, isa) NAME_OF(name, type, isa)
#define NAME(name) NAME_IN(name, REAL, ISA)

#define ISA base
#define ISA_LEVEL 0
#ifdef FASTNN_HAVE_VECTORS
#define VECTOR_BYTES 16
#else
#define VECTOR_BYTES 0
#endif
#include "each_real.h"
#undef ISA
#undef ISA_LEVEL
#undef VECTOR_BYTES

#if defined(FASTNN_HAVE_VECTORS) && defined(__x86_64__)
#define FOR_EACH_ISA(M) M(base), M(v3), M(v4)

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,bmi2")
#endif
#define ISA v3
#define ISA_LEVEL 1
#define VECTOR_BYTES 32
#include "each_real.h"
#undef ISA
#undef ISA_LEVEL
#undef VECTOR_BYTES

#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma,bmi2"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx2,fma,bmi2")
#endif
#define ISA v4
#define ISA_LEVEL 2
#define VECTOR_BYTES 64
#include "each_real.h"
#undef ISA
#undef ISA_LEVEL
#undef VECTOR_BYTES
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#else
#define FOR_EACH_ISA(M) M(base)
#endif

#undef NAME
#undef NAME_IN
#undef NAME_OF

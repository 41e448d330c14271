/* Compiles a file of kernels once for each instruction set and number type.
 *
 * The file includes this one and names itself: #define FOREACH_FILE "kernels/norm.c". It is then
 * included again for each pair, and finds
 *   REAL, REAL_BITS   double and 64, or float and 32
 *   LANES             how many of it a vector holds
 *   ISA, ISA_LEVEL    base and 0, v3 and 1 (AVX2), v4 and 2 (AVX-512), neon and 3
 *   NAME(f)           its own name of f: f_double_v4 and so on
 * FOR_EACH_ISA(M) of cpu.h then is M(base), M(v3), M(v4) or M(base), M(neon).
 * Compilers without vector types, where cpu.h does not define FASTNN_HAVE_VECTORS, make base of
 * plain numbers: one lane.
 */
#ifndef FASTNN_FOREACH_ISA_H
#define FASTNN_FOREACH_ISA_H

#include "simd/cpu.h"

#define NAME_OF(name, type, isa) name##_##type##_##isa
#define NAME_IN(name, type, isa) NAME_OF(name, type, isa)
#define NAME(name) NAME_IN(name, REAL, ISA)

/* Before the code of an instruction set, which the compiler may then use, and after it. */
#ifdef __clang__
#define FASTNN_PRAGMA(text) _Pragma(#text)
#define FASTNN_TARGET(features) \
    FASTNN_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define FASTNN_TARGET_END _Pragma("clang attribute pop")
#else
#define FASTNN_PRAGMA(text) _Pragma(#text)
#define FASTNN_TARGET(features) _Pragma("GCC push_options") FASTNN_PRAGMA(GCC target(features))
#define FASTNN_TARGET_END _Pragma("GCC pop_options")
#endif

#define ISA base
#define ISA_LEVEL 0
#ifdef FASTNN_HAVE_VECTORS
#define VECTOR_BYTES 16
#else
#define VECTOR_BYTES 0
#endif
#include "simd/foreach_real.h"
#undef ISA
#undef ISA_LEVEL
#undef VECTOR_BYTES

#ifdef FASTNN_X86
FASTNN_TARGET("avx2,fma,bmi2")
#define ISA v3
#define ISA_LEVEL 1
#define VECTOR_BYTES 32
#include "simd/foreach_real.h"
#undef ISA
#undef ISA_LEVEL
#undef VECTOR_BYTES
FASTNN_TARGET_END

FASTNN_TARGET("avx512f,avx512dq,avx512vl,avx2,fma,bmi2")
#define ISA v4
#define ISA_LEVEL 2
#define VECTOR_BYTES 64
#include "simd/foreach_real.h"
#undef ISA
#undef ISA_LEVEL
#undef VECTOR_BYTES
FASTNN_TARGET_END
#endif

#ifdef FASTNN_NEON
#define ISA neon
#define ISA_LEVEL 3
#define VECTOR_BYTES 16
#include "simd/foreach_real.h"
#undef ISA
#undef ISA_LEVEL
#undef VECTOR_BYTES
#endif

#endif

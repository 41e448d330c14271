/* The small products for each instruction set, and the choice among them when fastnn is loaded.
 *
 * "base" is what the compiler targets anyway, "v3" AVX2 with FMA, "v4" AVX-512. Compilers without
 * vector types have none of them: BLAS then does every product.
 */
#ifndef FASTNN_PRODUCTS_H
#define FASTNN_PRODUCTS_H

#include <stddef.h>

typedef struct {
    const char *name; /* NULL where there are no small products */
    void (*nt_double)(double *, const double *, const double *, const double *,
                      ptrdiff_t, ptrdiff_t, ptrdiff_t);
    void (*nt_float)(float *, const float *, const float *, const float *,
                     ptrdiff_t, ptrdiff_t, ptrdiff_t);
    void (*rank_double)(double *, const double *, const double *, ptrdiff_t, ptrdiff_t, ptrdiff_t,
                        double, double, ptrdiff_t, ptrdiff_t);
    void (*rank_float)(float *, const float *, const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t,
                       float, float, ptrdiff_t, ptrdiff_t);
} SmallProducts;

#if defined(__GNUC__)
#define FASTNN_HAVE_SMALL 1

#define DOT_ROWS 2
#define DOT_COLS 4
#define RANK_ROWS 4
#define RANK_WIDTH 2
#define REAL double
#define LANES 2
#define SUFFIX double_base
#include "small_products.h"
#undef REAL
#undef LANES
#undef SUFFIX
#define REAL float
#define LANES 4
#define SUFFIX float_base
#include "small_products.h"
#undef REAL
#undef LANES
#undef SUFFIX
#undef DOT_ROWS
#undef DOT_COLS
#undef RANK_ROWS
#undef RANK_WIDTH

#if defined(__x86_64__)
#define FASTNN_HAVE_X86 1
#include <cpuid.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,bmi2")
#endif
#define DOT_ROWS 4
#define DOT_COLS 3
#define RANK_ROWS 4
#define RANK_WIDTH 3
#define REAL double
#define LANES 4
#define SUFFIX double_v3
#include "small_products.h"
#undef REAL
#undef LANES
#undef SUFFIX
#define REAL float
#define LANES 8
#define SUFFIX float_v3
#include "small_products.h"
#undef REAL
#undef LANES
#undef SUFFIX
#undef DOT_ROWS
#undef DOT_COLS
#undef RANK_ROWS
#undef RANK_WIDTH
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma,bmi2"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx2,fma,bmi2")
#endif
#define DOT_ROWS 5
#define DOT_COLS 5
#define RANK_ROWS 6
#define RANK_WIDTH 4
#define REAL double
#define LANES 8
#define SUFFIX double_v4
#include "small_products.h"
#undef REAL
#undef LANES
#undef SUFFIX
#define REAL float
#define LANES 16
#define SUFFIX float_v4
#include "small_products.h"
#undef REAL
#undef LANES
#undef SUFFIX
#undef DOT_ROWS
#undef DOT_COLS
#undef RANK_ROWS
#undef RANK_WIDTH
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

/* Which registers the operating system saves: bits 1 and 2 AVX, bits 5 to 7 AVX-512. */
static unsigned long long fastnn_saved_registers(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((unsigned long long)high << 32) | low;
}

/* 0 base, 1 v3, 2 v4: the best that processor and operating system have. */
static int fastnn_best_level(void)
{
    unsigned a, b, c, d, b7;
    const unsigned v3 = bit_AVX2 | bit_BMI2, v4 = bit_AVX512F | bit_AVX512DQ | bit_AVX512VL;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_FMA))
        return 0;
    if (!__get_cpuid_count(7, 0, &a, &b7, &c, &d) || (b7 & v3) != v3)
        return 0;
    if ((fastnn_saved_registers() & 0x06) != 0x06)
        return 0;
    return (b7 & v4) == v4 && (fastnn_saved_registers() & 0xe6) == 0xe6 ? 2 : 1;
}
#else
static int fastnn_best_level(void) { return 0; }
#endif /* x86-64 */

#define FASTNN_SET(level) {#level, small_nt_double_##level, small_nt_float_##level, \
                           small_rank_double_##level, small_rank_float_##level}
static const SmallProducts fastnn_small_products[] = {
    FASTNN_SET(base),
#ifdef FASTNN_HAVE_X86
    FASTNN_SET(v3),
    FASTNN_SET(v4),
#endif
};
#undef FASTNN_SET

#else /* no vector types */
static int fastnn_best_level(void) { return 0; }
static const SmallProducts fastnn_small_products[] = {{NULL, NULL, NULL, NULL, NULL}};
#endif

#endif

/* The small products of each instruction set. Compilers without vector types have none of them:
 * BLAS then does every product.
 */
#ifndef FASTNN_PRODUCTS_H
#define FASTNN_PRODUCTS_H

#include <stddef.h>

#include "isa.h"

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
/* From the middle on backwards: as many lanes that count as one likes, then lanes that do not. */
static const long long fastnn_lanes_64[8] = {-1, -1, -1, -1, 0, 0, 0, 0};
static const int fastnn_lanes_32[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
#endif

#define FASTNN_SHALLOW 32 /* depth of a product up to which it is no dot product */

typedef struct {
    const char *name; /* NULL where there are no small products */
    void (*nt_double)(double *, ptrdiff_t, const double *, ptrdiff_t, const double *const *,
                      const double *, const double *, ptrdiff_t, ptrdiff_t, ptrdiff_t);
    void (*nt_float)(float *, ptrdiff_t, const float *, ptrdiff_t, const float *const *,
                     const float *, const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t);
    void (*rank_double)(double *, ptrdiff_t, const double *, ptrdiff_t, ptrdiff_t, const double *,
                        ptrdiff_t, const double *const *, ptrdiff_t, ptrdiff_t, ptrdiff_t, double,
                        double);
    void (*rank_float)(float *, ptrdiff_t, const float *, ptrdiff_t, ptrdiff_t, const float *,
                       ptrdiff_t, const float *const *, ptrdiff_t, ptrdiff_t, ptrdiff_t, float,
                       float);
} SmallProducts;

#ifdef FASTNN_HAVE_VECTORS
#define KERNELS "small_products.h"
#include "each_isa.h"
#undef KERNELS

#define FASTNN_SET(isa) {#isa, small_nt_double_##isa, small_nt_float_##isa, \
                         small_rank_double_##isa, small_rank_float_##isa}
static const SmallProducts fastnn_small_products[] = {FOR_EACH_ISA(FASTNN_SET)};
#undef FASTNN_SET
#undef FOR_EACH_ISA
#else
static const SmallProducts fastnn_small_products[] = {{NULL, NULL, NULL, NULL, NULL}};
#endif

#endif

/* The small products of each instruction set. Compilers without vector types have none of them:
 * BLAS then does every product.
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

#define KERNELS "small_products.h"
#include "each_isa.h"
#undef KERNELS

#ifdef FASTNN_HAVE_VECTORS
#define FASTNN_SET(isa) {#isa, small_nt_double_##isa, small_nt_float_##isa, \
                         small_rank_double_##isa, small_rank_float_##isa}
static const SmallProducts fastnn_small_products[] = {FOR_EACH_ISA(FASTNN_SET)};
#undef FASTNN_SET
#else
static const SmallProducts fastnn_small_products[] = {{NULL, NULL, NULL, NULL, NULL}};
#endif

#endif

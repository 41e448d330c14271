/* The small products of each instruction set. Compilers without vector types have none of them:
 * BLAS then does every product.
 */
#ifndef FASTNN_PRODUCTS_H
#define FASTNN_PRODUCTS_H

#include <stddef.h>
#include <string.h>

#include "isa.h"

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
/* From the middle on backwards: as many lanes that count as one likes, then lanes that do not. */
static const long long fastnn_lanes_64[8] = {-1, -1, -1, -1, 0, 0, 0, 0};
static const int fastnn_lanes_32[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
#endif

/* Memory that is wanted soon: rows of `bytes` each, asked for a few lines at a time while a product
 * is computed, so that nobody waits for it. */
typedef struct {
    const char *const *rows;
    ptrdiff_t n_rows, bytes;
    ptrdiff_t row, at; /* how far it came */
    ptrdiff_t lines;   /* to be asked for in the next product */
} FastnnAhead;

#define FASTNN_LINE 64

static inline void fastnn_ask(FastnnAhead *ahead, ptrdiff_t lines)
{
#if defined(__GNUC__)
    while (lines-- > 0 && ahead->row < ahead->n_rows) {
        __builtin_prefetch(ahead->rows[ahead->row] + ahead->at, 0, 2);
        ahead->at += FASTNN_LINE;
        if (ahead->at >= ahead->bytes) {
            ahead->at = 0;
            ahead->row++;
        }
    }
#endif
}

typedef struct {
    const char *name; /* NULL where there are no small products */
    void (*nt_double)(double *, ptrdiff_t, const double *, ptrdiff_t, const double *, ptrdiff_t,
                      const double *, ptrdiff_t, ptrdiff_t, ptrdiff_t);
    void (*nt_float)(float *, ptrdiff_t, const float *, ptrdiff_t, const float *, ptrdiff_t,
                     const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t);
    void (*tn_double)(double *, ptrdiff_t, const double *, ptrdiff_t, const double *, ptrdiff_t,
                      ptrdiff_t, ptrdiff_t, ptrdiff_t, double, double, FastnnAhead *);
    void (*tn_float)(float *, ptrdiff_t, const float *, ptrdiff_t, const float *, ptrdiff_t,
                     ptrdiff_t, ptrdiff_t, ptrdiff_t, float, float, FastnnAhead *);
    void (*nn_double)(double *, ptrdiff_t, const double *, ptrdiff_t, const double *, ptrdiff_t,
                      const double *, ptrdiff_t, ptrdiff_t, ptrdiff_t);
    void (*nn_float)(float *, ptrdiff_t, const float *, ptrdiff_t, const float *, ptrdiff_t,
                     const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t);
    void (*panels_double)(double *, const double *, ptrdiff_t, ptrdiff_t);
    void (*panels_float)(float *, const float *, ptrdiff_t, ptrdiff_t);
    void (*np_double)(double *, const double *, const double *, const double *, ptrdiff_t,
                      ptrdiff_t, ptrdiff_t, const double *);
    void (*np_float)(float *, const float *, const float *, const float *, ptrdiff_t, ptrdiff_t,
                     ptrdiff_t, const float *);
} SmallProducts;

/* Of large matrices, where they are faster than BLAS. */
typedef struct {
    void (*nt_float)(float *, ptrdiff_t, const float *, ptrdiff_t, const float *, ptrdiff_t,
                     const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t); /* NULL: BLAS does all */
    void (*tn_float)(float *, ptrdiff_t, const float *, ptrdiff_t, const float *, ptrdiff_t,
                     ptrdiff_t, ptrdiff_t, ptrdiff_t, float, float, FastnnAhead *);
    void (*nn_float)(float *, ptrdiff_t, const float *, ptrdiff_t, const float *, ptrdiff_t,
                     const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t);
} PackedProducts;

#ifdef FASTNN_HAVE_VECTORS
#define KERNELS "small_products.h"
#include "each_isa.h"
#undef KERNELS

#define FASTNN_SET(isa) {#isa, small_nt_double_##isa, small_nt_float_##isa, \
                         small_tn_double_##isa, small_tn_float_##isa, \
                         small_nn_double_##isa, small_nn_float_##isa, \
                         small_panels_double_##isa, small_panels_float_##isa, \
                         small_np_double_##isa, small_np_float_##isa}
static const SmallProducts fastnn_small_products[] = {FOR_EACH_ISA(FASTNN_SET)};
#undef FASTNN_SET
#undef FOR_EACH_ISA
#else
static const SmallProducts fastnn_small_products[] = {{NULL}};
#endif

#if defined(FASTNN_HAVE_VECTORS) && defined(__x86_64__) /* base, v3, v4 */
static const PackedProducts fastnn_packed_products[] = {
    {NULL}, {NULL}, {packed_nt_float_v4, packed_tn_float_v4, packed_nn_float_v4}};
#else
static const PackedProducts fastnn_packed_products[] = {{NULL}};
#endif

#endif

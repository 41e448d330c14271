/* The costs' kernels for each instruction set, in tables. */
#ifndef FASTNN_COSTS_H
#define FASTNN_COSTS_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "isa.h"

#if defined(FASTNN_HAVE_VECTORS) && defined(__x86_64__)
#include <immintrin.h>
#endif

/* A cost with its output. */
enum {
    CROSS_ENTROPY_SIGMOID,
    LOG_LIKELIHOOD_SIGMOID,
    POISSON_EXP,
    LOG_LIKELIHOOD_SOFTMAX,
    CROSS_ENTROPY_SOFTMAX
};

#define SOME 64 /* outputs, or rows of softmax, that are looked at together */

/* What is known of some rows of softmax outputs: the largest z and a, the sum of all other a, what
 * the targets make of z, their sum; −ln a and −ln(1 − a) of the largest a. */
typedef struct {
    double top[SOME], top_a[SOME], others[SOME], linear[SOME], of_y[SOME], log_of_top[SOME],
        miss_of_top[SOME];
} SoftmaxRows;

#define KERNELS "cost_kernels.h"
#include "each_isa.h"
#undef KERNELS

#define COSTS_OF(REAL) \
    double (*of_each)(const REAL *z, const REAL *a, const REAL *y, const REAL *weights, \
                      ptrdiff_t size, int pair); \
    double (*of_rows)(const REAL *z, const REAL *a, const REAL *y, const REAL *weights, \
                      ptrdiff_t m, ptrdiff_t n, int pair); \
    double (*of_columns)(const REAL *z, const REAL *a, const REAL *y, const REAL *weights, \
                         ptrdiff_t m, ptrdiff_t n, ptrdiff_t distance);
typedef struct { COSTS_OF(double) } CostsDouble;
typedef struct { COSTS_OF(float) } CostsFloat;
#undef COSTS_OF

#define COSTS(type, isa) \
    {costs_of_each_##type##_##isa, costs_of_rows_##type##_##isa, costs_of_columns_##type##_##isa}
#define OF_DOUBLE(isa) COSTS(double, isa)
#define OF_FLOAT(isa) COSTS(float, isa)
static const CostsDouble fastnn_costs_double[] = {FOR_EACH_ISA(OF_DOUBLE)};
static const CostsFloat fastnn_costs_float[] = {FOR_EACH_ISA(OF_FLOAT)};
#undef COSTS
#undef OF_DOUBLE
#undef OF_FLOAT
#undef FOR_EACH_ISA

#endif

/* The normalizations' kernels for each instruction set, in tables. */
#ifndef FASTNN_NORMS_H
#define FASTNN_NORMS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "isa.h"

#if defined(FASTNN_HAVE_VECTORS) && defined(__x86_64__)
#include <immintrin.h>
#endif

#define KERNELS "norm_kernels.h"
#include "each_isa.h"
#undef KERNELS

#define NORMS_OF(REAL) \
    void (*columns_forward)(REAL *x, REAL *xhat, REAL *mean, REAL *variance, REAL *inverse, \
                            const REAL *gamma, const REAL *beta, ptrdiff_t m, ptrdiff_t n, \
                            ptrdiff_t ld, double eps); \
    void (*columns_backward)(REAL *delta, REAL *dgamma, REAL *dbeta, const REAL *xhat, \
                             const REAL *inverse, const REAL *gamma, ptrdiff_t m, ptrdiff_t n, \
                             ptrdiff_t ld); \
    void (*running_forward)(REAL *x, const REAL *mean, const REAL *variance, const REAL *gamma, \
                            const REAL *beta, ptrdiff_t m, ptrdiff_t n, ptrdiff_t ld, \
                            double eps); \
    void (*parameter_sums)(REAL *dgamma, REAL *dbeta, const REAL *delta, const REAL *xhat, \
                           ptrdiff_t m, ptrdiff_t n, ptrdiff_t ld); \
    void (*blocks_forward)(REAL *x, REAL *xhat, REAL *inverse, const REAL *gamma, \
                           const REAL *beta, ptrdiff_t m, ptrdiff_t channels, ptrdiff_t groups, \
                           ptrdiff_t spatial, double eps); \
    void (*blocks_delta)(REAL *delta, const REAL *xhat, const REAL *inverse, const REAL *gamma, \
                         ptrdiff_t m, ptrdiff_t channels, ptrdiff_t groups, ptrdiff_t spatial); \
    void (*channel_sums)(REAL *dgamma, REAL *dbeta, const REAL *delta, const REAL *xhat, \
                         ptrdiff_t m, ptrdiff_t channels, ptrdiff_t spatial);
typedef struct { NORMS_OF(double) } NormsDouble;
typedef struct { NORMS_OF(float) } NormsFloat;
#undef NORMS_OF

#define NORMS(type, isa) { \
    columns_forward_##type##_##isa, columns_backward_##type##_##isa, \
    running_forward_##type##_##isa, parameter_sums_##type##_##isa, blocks_forward_##type##_##isa, \
    blocks_delta_##type##_##isa, channel_sums_##type##_##isa}
#define OF_DOUBLE(isa) NORMS(double, isa)
#define OF_FLOAT(isa) NORMS(float, isa)
static const NormsDouble fastnn_norms_double[] = {FOR_EACH_ISA(OF_DOUBLE)};
static const NormsFloat fastnn_norms_float[] = {FOR_EACH_ISA(OF_FLOAT)};
#undef NORMS
#undef OF_DOUBLE
#undef OF_FLOAT
#undef FOR_EACH_ISA

#endif

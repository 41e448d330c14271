/* The kernels of each instruction set, in tables: all that Cython knows of them.
 *
 * A table of a kind of kernels is an array with an entry for each instruction set, at the place of
 * its level (see simd/cpu.h). kernels.pxd declares the same for Cython.
 */
#ifndef FASTNN_KERNELS_H
#define FASTNN_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels/activation_numbers.h"
#include "runtime/prefetch.h"
#include "simd/cpu.h"

/* Products C (m, n) of A and B, each with the distance from row to row: with a bias (n,) or NULL
 * that is added to every row; and added to a multiple of C, while rows are prefetched. */
#define PRODUCTS(T, REAL) \
    typedef void (*Product##T)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, \
                               const REAL *B, ptrdiff_t ldb, const REAL *bias, ptrdiff_t m, \
                               ptrdiff_t n, ptrdiff_t k); \
    typedef void (*Update##T)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, \
                              const REAL *B, ptrdiff_t ldb, ptrdiff_t m, ptrdiff_t n, \
                              ptrdiff_t k, REAL alpha, REAL beta, FastnnPrefetch *prefetch);
PRODUCTS(Double, double)
PRODUCTS(Float, float)
#undef PRODUCTS

/* Of small matrices; panels and np: B prepacked, for many rows. */
#define GEMM(T, REAL) \
    const char *name; /* NULL where there are none: BLAS does all */ \
    Product##T nt; \
    Update##T tn; \
    Product##T nn; \
    void (*panels)(REAL *panels, const REAL *B, ptrdiff_t n, ptrdiff_t k); \
    void (*np)(REAL *C, const REAL *A, const REAL *panels, const REAL *bias, ptrdiff_t m, \
               ptrdiff_t n, ptrdiff_t k, const REAL *next);
typedef struct { GEMM(Double, double) } GemmDouble;
typedef struct { GEMM(Float, float) } GemmFloat;
#undef GEMM
extern const GemmDouble fastnn_gemm_double[];
extern const GemmFloat fastnn_gemm_float[];

/* Of large ones, whose factors are packed; NULL where there are none. */
typedef struct { ProductDouble nt; UpdateDouble tn; ProductDouble nn; } GemmPackedDouble;
typedef struct { ProductFloat nt; UpdateFloat tn; ProductFloat nn; } GemmPackedFloat;
extern const GemmPackedDouble fastnn_gemm_packed_double[];
extern const GemmPackedFloat fastnn_gemm_packed_float[];

/* forward and backward by the number of the activation */
#define ACTIVATION(REAL) \
    void (*forward[N_ACTIVATIONS])(REAL *z, ptrdiff_t size); \
    void (*backward[N_ACTIVATIONS])(REAL *delta, const REAL *source, ptrdiff_t size); \
    void (*softmax)(REAL *z, ptrdiff_t m, ptrdiff_t n); \
    void (*softmax_backward)(REAL *delta, const REAL *a, ptrdiff_t m, ptrdiff_t n); \
    void (*log)(REAL *x, ptrdiff_t size);
typedef struct { ACTIVATION(double) } ActivationDouble;
typedef struct { ACTIVATION(float) } ActivationFloat;
#undef ACTIVATION
extern const ActivationDouble fastnn_activation_double[];
extern const ActivationFloat fastnn_activation_float[];

/* A cost with its output, for which there is a formula of the weighted inputs. */
enum {
    CROSS_ENTROPY_SIGMOID,
    LOG_LIKELIHOOD_SIGMOID,
    POISSON_EXP,
    LOG_LIKELIHOOD_SOFTMAX,
    CROSS_ENTROPY_SOFTMAX
};

#define COST(REAL) \
    double (*of_each)(const REAL *z, const REAL *a, const REAL *y, const REAL *weights, \
                      ptrdiff_t size, int pair); \
    double (*of_rows)(const REAL *z, const REAL *a, const REAL *y, const REAL *weights, \
                      ptrdiff_t m, ptrdiff_t n, int pair); \
    double (*of_columns)(const REAL *z, const REAL *a, const REAL *y, const REAL *weights, \
                         ptrdiff_t m, ptrdiff_t n, ptrdiff_t distance);
typedef struct { COST(double) } CostDouble;
typedef struct { COST(float) } CostFloat;
#undef COST
extern const CostDouble fastnn_cost_double[];
extern const CostFloat fastnn_cost_float[];

#define NORM(REAL) \
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
typedef struct { NORM(double) } NormDouble;
typedef struct { NORM(float) } NormFloat;
#undef NORM
extern const NormDouble fastnn_norm_double[];
extern const NormFloat fastnn_norm_float[];

/* Where a step finds its coefficients. */
enum {
    RATE, KEEP, TAKE, EPS, KEEP_SQUARE, TAKE_SQUARE, ROOT, N_NUMBERS,
    L1 = TAKE, L2 = EPS,                                /* of penalties */
    GROW = KEEP, SHRINK = TAKE, MOST = EPS, LEAST = ROOT /* of Rprop */
};

/* p, g, the state's two arrays (NULL where there are none), their size, and the coefficients */
typedef void StepDouble(double *, const double *, double *, double *, ptrdiff_t, const double *);
typedef void StepFloat(float *, const float *, float *, float *, ptrdiff_t, const float *);

#define OPTIMIZER(Step, REAL) \
    Step *plain, *momentum, *nesterov, *by_squares, *adam, *rprop, *decay, *shrink, *add_penalty; \
    double (*sum_of_squares)(const REAL *x, ptrdiff_t size); \
    double (*sum_of_sizes)(const REAL *x, ptrdiff_t size); \
    void (*column_sums)(REAL *, const REAL *, ptrdiff_t, ptrdiff_t, ptrdiff_t, REAL, REAL);
typedef struct { OPTIMIZER(StepDouble, double) } OptimizerDouble;
typedef struct { OPTIMIZER(StepFloat, float) } OptimizerFloat;
#undef OPTIMIZER
extern const OptimizerDouble fastnn_optimizer_double[];
extern const OptimizerFloat fastnn_optimizer_float[];

typedef void (*DropoutDouble)(double *out, const double *inp, uint32_t start, ptrdiff_t size,
                              uint32_t below, double scale, uint32_t first, uint32_t second);
typedef void (*DropoutFloat)(float *out, const float *inp, uint32_t start, ptrdiff_t size,
                             uint32_t below, float scale, uint32_t first, uint32_t second);
extern const DropoutDouble fastnn_dropout_double[];
extern const DropoutFloat fastnn_dropout_float[];

/* Narrow networks with rows as SIMD lanes. */
#define FEATURE_MAJOR(REAL) \
    void (*pick)(REAL *, ptrdiff_t, const REAL *, ptrdiff_t, const ptrdiff_t *, ptrdiff_t); \
    void (*product)(REAL *, const REAL *, ptrdiff_t, ptrdiff_t, const REAL *, const REAL *, \
                    const REAL *, ptrdiff_t, ptrdiff_t, ptrdiff_t, int); \
    void (*gradient)(REAL *, REAL *, REAL, ptrdiff_t, ptrdiff_t, const REAL *, const REAL *, \
                     ptrdiff_t, ptrdiff_t, ptrdiff_t, int); \
    void (*row_gradient)(REAL *, const REAL *, REAL, const REAL *, ptrdiff_t, const REAL *, \
                         const ptrdiff_t *, ptrdiff_t, ptrdiff_t, ptrdiff_t); \
    int (*by_rows)(ptrdiff_t, ptrdiff_t); \
    void (*softmax)(REAL *, ptrdiff_t, ptrdiff_t); \
    void (*softmax_delta)(REAL *, const REAL *, const REAL *, ptrdiff_t, ptrdiff_t);
typedef struct {
    FEATURE_MAJOR(double)
    int (*cost_of_labels)(double *, const double *, const double *, const double *, ptrdiff_t,
                          double);
} FeatureMajorDouble;
typedef struct { FEATURE_MAJOR(float) } FeatureMajorFloat;
#undef FEATURE_MAJOR
extern const FeatureMajorDouble fastnn_feature_major_double[];
extern const FeatureMajorFloat fastnn_feature_major_float[];

#endif

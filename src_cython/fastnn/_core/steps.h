/* The steps of the optimizers for each instruction set, in tables. */
#ifndef FASTNN_STEPS_H
#define FASTNN_STEPS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "isa.h"

#if defined(FASTNN_HAVE_VECTORS) && defined(__x86_64__)
#include <immintrin.h>
#endif

/* Where a step finds its numbers. */
enum {
    RATE, KEEP, TAKE, EPS, KEEP_SQUARE, TAKE_SQUARE, ROOT, N_NUMBERS,
    L1 = TAKE, L2 = EPS,                                /* of penalties */
    GROW = KEEP, SHRINK = TAKE, MOST = EPS, LEAST = ROOT /* of Rprop */
};

#define KERNELS "step_kernels.h"
#include "each_isa.h"
#undef KERNELS

/* p, g, the state's two arrays (NULL where there are none), their size, and the numbers */
typedef void StepDouble(double *, const double *, double *, double *, ptrdiff_t, const double *);
typedef void StepFloat(float *, const float *, float *, float *, ptrdiff_t, const float *);

#define STEPS_OF(Step, REAL) \
    Step *plain, *momentum, *nesterov, *by_squares, *adam, *rprop, *decay, *shrink, *add_penalty; \
    double (*sum_of_squares)(const REAL *x, ptrdiff_t size); \
    double (*sum_of_sizes)(const REAL *x, ptrdiff_t size);
typedef struct { STEPS_OF(StepDouble, double) } StepsDouble;
typedef struct { STEPS_OF(StepFloat, float) } StepsFloat;
#undef STEPS_OF

#define STEPS(type, isa) { \
    plain_##type##_##isa, momentum_##type##_##isa, nesterov_##type##_##isa, \
    by_squares_##type##_##isa, adam_##type##_##isa, rprop_##type##_##isa, decay_##type##_##isa, \
    shrink_##type##_##isa, add_penalty_##type##_##isa, sum_of_squares_##type##_##isa, \
    sum_of_sizes_##type##_##isa}
#define OF_DOUBLE(isa) STEPS(double, isa)
#define OF_FLOAT(isa) STEPS(float, isa)
static const StepsDouble fastnn_steps_double[] = {FOR_EACH_ISA(OF_DOUBLE)};
static const StepsFloat fastnn_steps_float[] = {FOR_EACH_ISA(OF_FLOAT)};
#undef STEPS
#undef OF_DOUBLE
#undef OF_FLOAT
#undef FOR_EACH_ISA

#endif

/* Activations over arrays, and delta := delta f'(...), by vectors; logarithms; rows of softmax.
 *
 * The last vector of an array is filled up and goes the same way as the others: no number depends on
 * where it stands.
 */
#include "kernels/kernels.h"

#ifndef REAL /* ---- once: the table ---- */

#define FOREACH_FILE "kernels/activation.c"
#include "simd/foreach_isa.h"

#define KERNEL(NAME, f, slope_from, way, type, isa) way##_##f##_##type##_##isa,
#define NO_KERNEL(NAME) NULL,
#define KERNELS_IN_ORDER(way, type, isa) {EACH_ACTIVATION(KERNEL, NO_KERNEL, way, type, isa)}
#define TABLE(type, isa) { \
    KERNELS_IN_ORDER(forward, type, isa), KERNELS_IN_ORDER(backward, type, isa), \
    softmax_##type##_##isa, softmax_backward_##type##_##isa, forward_log_##type##_##isa}
#define OF_DOUBLE(isa) TABLE(double, isa)
#define OF_FLOAT(isa) TABLE(float, isa)
const ActivationDouble fastnn_activation_double[] = {FOR_EACH_ISA(OF_DOUBLE)};
const ActivationFloat fastnn_activation_float[] = {FOR_EACH_ISA(OF_FLOAT)};

#else /* ---- once for each instruction set and number type ---- */

#include "simd/simd.h"
#include "simd/math.h"

#define LEAK 0.01
/* Fixed points of mean 0 and variance 1 (Klambauer, Unterthiner, Mayr and Hochreiter, 2017). */
#define SELU_ALPHA 1.6732632423543772848170429916717
#define SELU_SCALE 1.0507009873554804934193349852946
#define NORMAL_PEAK 0.39894228040143267794 /* 1 / √2π */

#include "activation_gated.h"

/* f(z), one function an activation */
INLINE Vec NAME(relu)(Vec z) { return IfThenElse(z < 0, Zero(), z); }
INLINE Vec NAME(leaky_relu)(Vec z) { return IfThenElse(z < 0, C(LEAK) * z, z); }
INLINE Vec NAME(elu)(Vec z) { return IfThenElse(z < 0, NAME(expm1_below_0)(z), z); }

INLINE Vec NAME(selu)(Vec z)
{
    return C(SELU_SCALE) * IfThenElse(z < 0, C(SELU_ALPHA) * NAME(expm1_below_0)(z), z);
}

/* f'(z), from a = f(z) or, where this does not say it, from z */
INLINE Vec NAME(sigmoid_slope)(Vec a) { return a * (1 - a); }
INLINE Vec NAME(tanh_slope)(Vec a) { return 1 - a * a; }
INLINE Vec NAME(leaky_relu_slope)(Vec a) { return IfThenElse(a > 0, Set(1), Set(LEAK)); }
INLINE Vec NAME(elu_slope)(Vec a) { return IfThenElse(a > 0, Set(1), a + 1); }
INLINE Vec NAME(softplus_slope)(Vec a) { return -NAME(expm1_below_0)(-a); }
INLINE Vec NAME(exp_slope)(Vec a) { return a; }

INLINE Vec NAME(selu_slope)(Vec a)
{
    return IfThenElse(a > 0, Set(SELU_SCALE), a + C(SELU_SCALE * SELU_ALPHA));
}

/* ReLU is none of these: an infinite delta ends where its slope is 0. */
INLINE Vec NAME(relu_delta)(Vec delta, Vec a) { return IfThenElse(a > 0, delta, Zero()); }

/* A kernel over whole vectors, then over what is left, filled up. */
static void NAME(map)(void (*whole)(REAL *, ptrdiff_t), REAL *z, ptrdiff_t size)
{
    ptrdiff_t rest = size % LANES, top = size - rest;
    REAL filled[LANES] = {0};
    if (top)
        whole(z, top);
    if (rest) {
        memcpy(filled, z + top, (size_t)rest * sizeof(REAL));
        whole(filled, LANES);
        memcpy(z + top, filled, (size_t)rest * sizeof(REAL));
    }
}

static void NAME(map_back)(void (*whole)(REAL *, const REAL *, ptrdiff_t), REAL *deltas,
                           const REAL *sources, ptrdiff_t size)
{
    ptrdiff_t rest = size % LANES, top = size - rest;
    REAL filled[LANES] = {0}, filled_sources[LANES] = {0};
    if (top)
        whole(deltas, sources, top);
    if (rest) {
        memcpy(filled, deltas + top, (size_t)rest * sizeof(REAL));
        memcpy(filled_sources, sources + top, (size_t)rest * sizeof(REAL));
        whole(filled, filled_sources, LANES);
        memcpy(deltas + top, filled, (size_t)rest * sizeof(REAL));
    }
}

/* The next vector is read before this one is written: a read that shares its cache line with a
 * write in flight would wait for it. */
#define FORWARD(f) \
    static NOINLINE void NAME(whole_##f)(REAL *z, ptrdiff_t size) \
    { \
        Vec next = Load(z); \
        for (ptrdiff_t i = 0; i < size; i += LANES) { \
            Vec x = next; \
            next = Load(z + (i + LANES < size ? i + LANES : i)); \
            Store(NAME(f)(x), z + i); \
        } \
    } \
    static void NAME(forward_##f)(REAL *z, ptrdiff_t size) \
    { \
        NAME(map)(NAME(whole_##f), z, size); \
    }
#define BACKWARD(f, of_delta_and_source) \
    static NOINLINE void NAME(whole_back_##f)(REAL *deltas, const REAL *sources, ptrdiff_t size) \
    { \
        Vec next = Load(deltas); \
        for (ptrdiff_t i = 0; i < size; i += LANES) { \
            Vec delta = next, source = Load(sources + i); \
            next = Load(deltas + (i + LANES < size ? i + LANES : i)); \
            Store(of_delta_and_source, deltas + i); \
        } \
    } \
    static void NAME(backward_##f)(REAL *deltas, const REAL *sources, ptrdiff_t size) \
    { \
        NAME(map_back)(NAME(whole_back_##f), deltas, sources, size); \
    }
#define BY_SLOPE(f) BACKWARD(f, delta * NAME(f##_slope)(source))

FORWARD(sigmoid)
FORWARD(tanh)
FORWARD(relu)
FORWARD(leaky_relu)
FORWARD(elu)
FORWARD(selu)
FORWARD(gelu)
FORWARD(silu)
FORWARD(mish)
FORWARD(softplus)
FORWARD(exp)
FORWARD(log)
BY_SLOPE(sigmoid)
BY_SLOPE(tanh)
BACKWARD(relu, NAME(relu_delta)(delta, source))
BY_SLOPE(leaky_relu)
BY_SLOPE(elu)
BY_SLOPE(selu)
BY_SLOPE(gelu)
BY_SLOPE(silu)
BY_SLOPE(mish)
BY_SLOPE(softplus)
BY_SLOPE(exp)

#undef FORWARD
#undef BACKWARD
#undef BY_SLOPE

#include "softmax.h"

#endif

/* Activations over arrays, and delta := delta f'(...), by vectors; logarithms; rows of softmax.
 *
 * Included once per instruction set and number type: see each_isa.h. The last vector of an array
 * is filled up and goes the same way as the others: no number depends on where it stands.
 */
#include "vector_math.h"

#define LEAK 0.01
/* Fixed points of mean 0 and variance 1 (Klambauer, Unterthiner, Mayr and Hochreiter, 2017). */
#define SELU_ALPHA 1.6732632423543772848170429916717
#define SELU_SCALE 1.0507009873554804934193349852946
#define NORMAL_PEAK 0.39894228040143267794 /* 1 / √2π */

#include "gated_kernels.h"

/* f(z), one function an activation */
INLINE VECTOR NAME(relu)(VECTOR z) { return SELECT(z < 0, ALL(0), z); }
INLINE VECTOR NAME(leaky_relu)(VECTOR z) { return SELECT(z < 0, C(LEAK) * z, z); }
INLINE VECTOR NAME(elu)(VECTOR z) { return SELECT(z < 0, NAME(expm1_below_0)(z), z); }

INLINE VECTOR NAME(selu)(VECTOR z)
{
    return C(SELU_SCALE) * SELECT(z < 0, C(SELU_ALPHA) * NAME(expm1_below_0)(z), z);
}

/* f'(z), from a = f(z) or, where this does not say it, from z */
INLINE VECTOR NAME(sigmoid_slope)(VECTOR a) { return a * (1 - a); }
INLINE VECTOR NAME(tanh_slope)(VECTOR a) { return 1 - a * a; }
INLINE VECTOR NAME(leaky_relu_slope)(VECTOR a) { return SELECT(a > 0, ALL(1), ALL(LEAK)); }
INLINE VECTOR NAME(elu_slope)(VECTOR a) { return SELECT(a > 0, ALL(1), a + 1); }
INLINE VECTOR NAME(softplus_slope)(VECTOR a) { return -NAME(expm1_below_0)(-a); }
INLINE VECTOR NAME(exp_slope)(VECTOR a) { return a; }

INLINE VECTOR NAME(selu_slope)(VECTOR a)
{
    return SELECT(a > 0, ALL(SELU_SCALE), a + C(SELU_SCALE * SELU_ALPHA));
}

/* ReLU is none of these: an infinite delta ends where its slope is 0. */
INLINE VECTOR NAME(relu_delta)(VECTOR delta, VECTOR a) { return SELECT(a > 0, delta, ALL(0)); }

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
        VECTOR next = NAME(load)(z, LANES, 0); \
        for (ptrdiff_t i = 0; i < size; i += LANES) { \
            VECTOR x = next; \
            next = NAME(load)(z + (i + LANES < size ? i + LANES : i), LANES, 0); \
            NAME(store)(z + i, NAME(f)(x), LANES); \
        } \
    } \
    static void NAME(forward_##f)(REAL *z, ptrdiff_t size) \
    { \
        NAME(map)(NAME(whole_##f), z, size); \
    }
#define BACKWARD(f, of_delta_and_source) \
    static NOINLINE void NAME(whole_back_##f)(REAL *deltas, const REAL *sources, ptrdiff_t size) \
    { \
        VECTOR next = NAME(load)(deltas, LANES, 0); \
        for (ptrdiff_t i = 0; i < size; i += LANES) { \
            VECTOR delta = next, source = NAME(load)(sources + i, LANES, 0); \
            next = NAME(load)(deltas + (i + LANES < size ? i + LANES : i), LANES, 0); \
            NAME(store)(deltas + i, of_delta_and_source, LANES); \
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

#include "softmax_kernels.h"
#include "vector_math_end.h"

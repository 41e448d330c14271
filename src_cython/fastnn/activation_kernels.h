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

/* GELU is z Φ(z). Φ(−x) e^(x²/2) (x + Φ_CENTRE) over x ≥ 0, by powers of
 * t = (x − PHI_CENTRE) / (x + PHI_CENTRE), as Schonfelder (1978) has it. */
#define PHI_CENTRE PICK(5, 3)
#define PHI_LAST PICK(39, 14.5) /* Φ(−x) is 0 from here */
static const REAL NAME(phi_terms)[] = {
#if REAL_BITS == 64
    -1.58774688274733645e-10, 1.75304840140823195e-09, 7.66307180076004027e-09,
    -9.31356099432605938e-09, -6.59422166247722283e-08, 4.22749937400653460e-08,
    4.33141035686258492e-07, -3.36615368101247104e-07, -2.76926709599743007e-06,
    3.98090215786804144e-06, 1.66812137420420625e-05, -4.97628142705858022e-05,
    -5.93757280099158603e-05, 5.44899064773129841e-04, -7.97869398466070131e-04,
    -2.99337677050854224e-03, 2.07950667998831780e-02, -6.91186387063101593e-02,
    1.65020366170384708e-01, -3.13533156671304547e-01, 4.95305615969976409e-01,
    -6.65382502890056737e-01, 7.69193049750062974e-01
#else
    5.535596630e-05F, 1.331259088e-04F, -2.445826664e-04F, -1.034222059e-03F, 1.024135711e-03F,
    6.969813131e-03F, -1.046229376e-02F, -4.726274528e-02F, 2.300176777e-01F, -5.093319895e-01F,
    7.290836907e-01F
#endif
};

/* e^(−x²/2) for 0 ≤ x ≤ PHI_LAST. The square of the high half of x's digits is exact; the rest of
 * x² would else be lost, and with it as many digits of the result as x² is large. */
INLINE VECTOR NAME(bell)(VECTOR x)
{
    const WORD high_half = ~(((WORD)1 << PICK(27, 12)) - 1);
    VECTOR high = NAME(as_real)(NAME(as_bits)(x) & high_half);
    return NAME(exp_of_sum)(C(-0.5) * (high * high), C(-0.5) * ((x - high) * (x + high)));
}

/* Φ(−x) from x ≥ 0 and e^(−x²/2) */
INLINE VECTOR NAME(normal_tail)(VECTOR x, VECTOR bell)
{
    VECTOR inverse = 1 / (x + PHI_CENTRE);
    return bell * (POLYNOMIAL((x - PHI_CENTRE) * inverse, phi_terms) * inverse);
}

/* f(z), one function an activation */
INLINE VECTOR NAME(relu)(VECTOR z) { return SELECT(z < 0, ALL(0), z); }
INLINE VECTOR NAME(leaky_relu)(VECTOR z) { return SELECT(z < 0, C(LEAK) * z, z); }
INLINE VECTOR NAME(elu)(VECTOR z) { return SELECT(z < 0, NAME(expm1_below_0)(z), z); }

INLINE VECTOR NAME(selu)(VECTOR z)
{
    return C(SELU_SCALE) * SELECT(z < 0, C(SELU_ALPHA) * NAME(expm1_below_0)(z), z);
}

INLINE VECTOR NAME(gelu)(VECTOR z)
{
    VECTOR x = NAME(at_most)(NAME(absolute)(z), PHI_LAST);
    VECTOR tail = NAME(normal_tail)(x, NAME(bell)(x));
    return z * SELECT(z < 0, tail, 1 - tail);
}

INLINE VECTOR NAME(silu)(VECTOR z) { return z * NAME(sigmoid)(z); }

/* tanh(ln(1 + e^z)) = w (w + 2) / (w (w + 2) + 2) with w = e^z; above 0 both by w². */
INLINE VECTOR NAME(mish)(VECTOR z)
{
    VECTOR e = NAME(decay)(z);
    VECTOR above = 1 + 2 * e, below = e * (e + 2);
    VECTOR divisor = SELECT(z < 0, below + 2, above + 2 * e * e);
    return z * (SELECT(z < 0, below, above) / divisor);
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

/* Φ(z) + z φ(z); the limits at infinity are not lost in ∞ · 0. */
INLINE VECTOR NAME(gelu_slope)(VECTOR z)
{
    VECTOR x = NAME(at_most)(NAME(absolute)(z), PHI_LAST);
    VECTOR bell = NAME(bell)(x), tail = NAME(normal_tail)(x, bell);
    return SELECT(z < 0, tail, 1 - tail) + NAME(with_sign_of)(x * C(NORMAL_PEAK) * bell, z);
}

/* σ(z) (1 + z σ(−z)) */
INLINE VECTOR NAME(silu_slope)(VECTOR z)
{
    VECTOR bounded = NAME(at_least)(NAME(at_most)(z, -LOWEST_EXP), LOWEST_EXP);
    VECTOR e = NAME(decay)(bounded), inverse = 1 / (1 + e);
    VECTOR rest = SELECT(z < 0, ALL(1), e) * inverse;
    return SELECT(z < 0, e, ALL(1)) * inverse * (1 + bounded * rest);
}

/* With t = tanh(ln(1 + e^z)) = n / d as in mish: t + z σ(z) (1 − t²), where
 * σ(z) (1 − t²) = 4 e (1 + e) / d², above 0 times e. */
INLINE VECTOR NAME(mish_slope)(VECTOR z)
{
    VECTOR bounded = NAME(at_least)(NAME(at_most)(z, -LOWEST_EXP), LOWEST_EXP);
    VECTOR e = NAME(decay)(bounded);
    VECTOR above = 1 + 2 * e, below = e * (e + 2);
    VECTOR divisor = SELECT(z < 0, below + 2, above + 2 * e * e);
    VECTOR inverse = 1 / divisor;
    VECTOR steep = 4 * e * (1 + e) * SELECT(z < 0, ALL(1), e) * inverse;
    return (SELECT(z < 0, below, above) + bounded * steep) * inverse;
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

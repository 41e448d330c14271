/* The optimizers' steps, and what goes before and after them, over arrays, by vectors.
 *
 * Included once per instruction set and number type: see each_isa.h. The last vector of an array
 * is filled up and goes the same way as the others: no number depends on where it stands.
 */
#include "vector_types.h"

/* p and its state `one` and `two`, by g and the step's numbers k, which are read before anything
 * is written. */
#define AT(array) NAME(load)((array) + i, count, 0)
#define SET(array, x) NAME(store)((array) + i, x, count)
#define STEP(name, ...) \
    INLINE void NAME(vector_##name)(REAL *p, const REAL *g, REAL *one, REAL *two, ptrdiff_t i, \
                                    ptrdiff_t count, const REAL *k) \
    { \
        (void)g, (void)one, (void)two; \
        __VA_ARGS__ \
    } \
    static void NAME(name)(REAL *p, const REAL *g, REAL *one, REAL *two, ptrdiff_t size, \
                           const REAL *numbers) \
    { \
        REAL k[N_NUMBERS]; \
        ptrdiff_t i = 0; \
        memcpy(k, numbers, sizeof k); \
        for (; i + LANES <= size; i += LANES) \
            NAME(vector_##name)(p, g, one, two, i, LANES, k); \
        if (i < size) \
            NAME(vector_##name)(p, g, one, two, i, size - i, k); \
    }

STEP(plain, { SET(p, AT(p) - k[RATE] * AT(g)); })

STEP(momentum, {
    VECTOR v = k[KEEP] * AT(one) - k[RATE] * AT(g);
    SET(one, v);
    SET(p, AT(p) + v);
})

STEP(nesterov, {
    VECTOR slope = AT(g), v = k[KEEP] * AT(one) - k[RATE] * slope;
    SET(one, v);
    SET(p, AT(p) + (k[KEEP] * v - k[RATE] * slope));
})

/* RMSProp (keep α, take 1 − α) and AdaGrad (1 and 1) */
STEP(by_squares, {
    VECTOR slope = AT(g), s = k[KEEP] * AT(one) + k[TAKE] * slope * slope;
    SET(one, s);
    SET(p, AT(p) - k[RATE] * slope / (NAME(square_root)(s) + k[EPS]));
})

STEP(adam, {
    VECTOR slope = AT(g), mean = k[KEEP] * AT(one) + k[TAKE] * slope;
    VECTOR square = k[KEEP_SQUARE] * AT(two) + k[TAKE_SQUARE] * slope * slope;
    SET(one, mean);
    SET(two, square);
    SET(p, AT(p) - k[RATE] * mean / (NAME(square_root)(square) * k[ROOT] + k[EPS]));
})

/* The gradient before is `one`, the step `two`. A gradient that changed its sign is forgotten, and
 * its parameter rests for a step. */
STEP(rprop, {
    VECTOR slope = AT(g), size_of_step = AT(two), agreement = slope * AT(one);
    VECTOR more = NAME(at_most)(size_of_step * k[GROW], k[MOST]);
    VECTOR less = NAME(at_least)(size_of_step * k[SHRINK], k[LEAST]);
    slope = SELECT(agreement < 0, ALL(0), slope);
    size_of_step = SELECT(agreement < 0, less, size_of_step);
    size_of_step = SELECT(agreement > 0, more, size_of_step);
    SET(one, slope);
    SET(two, size_of_step);
    SET(p, AT(p) - size_of_step * NAME(sign)(slope));
})

/* p := keep p */
STEP(decay, { SET(p, k[KEEP] * AT(p)); })

/* p := keep p − l1 sgn(p) */
STEP(shrink, {
    VECTOR x = AT(p);
    SET(p, k[KEEP] * x - k[L1] * NAME(sign)(x));
})

/* p := p + l2 g + l1 sgn(g): here p is a gradient, and g the weights. */
STEP(add_penalty, {
    VECTOR x = AT(g);
    SET(p, (AT(p) + k[L2] * x) + k[L1] * NAME(sign)(x));
})
#undef AT
#undef SET
#undef STEP

/* Σ x² or Σ |x| in double, in an order that the size alone decides. */
#ifdef FASTNN_HAVE_VECTORS
#define WIDE_LANES (VECTOR_BYTES / 8)
typedef REAL NAME(narrow) __attribute__((vector_size(WIDE_LANES * sizeof(REAL))));
typedef double NAME(wide) __attribute__((vector_size(VECTOR_BYTES)));
#define WIDEN(x) __builtin_convertvector(x, NAME(wide))
#else
#define WIDE_LANES 1
typedef REAL NAME(narrow);
typedef double NAME(wide);
#define WIDEN(x) ((double)(x))
#endif
#define SIDE_BY_SIDE 4 /* sums: one would wait on itself */

INLINE NAME(wide) NAME(widened)(const REAL *x)
{
    NAME(narrow) some;
    memcpy(&some, x, sizeof some);
    return WIDEN(some);
}

INLINE double NAME(sum_of_wide)(const NAME(wide) *sums)
{
    NAME(wide) sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    double lanes[WIDE_LANES], total = 0;
    memcpy(lanes, &sum, sizeof sum);
    for (int lane = 0; lane < WIDE_LANES; lane++)
        total += lanes[lane];
    return total;
}

static double NAME(sum_of_squares)(const REAL *x, ptrdiff_t size)
{
    NAME(wide) sums[SIDE_BY_SIDE];
    double rest = 0;
    ptrdiff_t i = 0;
    memset(sums, 0, sizeof sums);
    for (; i + SIDE_BY_SIDE * WIDE_LANES <= size; i += SIDE_BY_SIDE * WIDE_LANES)
        UNROLL
        for (int part = 0; part < SIDE_BY_SIDE; part++) {
            NAME(wide) some = NAME(widened)(x + i + part * WIDE_LANES);
            sums[part] += some * some;
        }
    for (; i + WIDE_LANES <= size; i += WIDE_LANES) {
        NAME(wide) some = NAME(widened)(x + i);
        sums[0] += some * some;
    }
    for (; i < size; i++)
        rest += (double)x[i] * x[i];
    return NAME(sum_of_wide)(sums) + rest;
}

/* Only L1 penalties ask for it: four sums without vectors are enough. */
static double NAME(sum_of_sizes)(const REAL *x, ptrdiff_t size)
{
    double sums[SIDE_BY_SIDE] = {0};
    for (ptrdiff_t i = 0; i < size; i++)
        sums[i % SIDE_BY_SIDE] += fabs((double)x[i]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}
#undef WIDE_LANES
#undef WIDEN
#undef SIDE_BY_SIDE

#include "vector_math_end.h"

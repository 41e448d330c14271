/* The optimizers' steps, and what goes before and after them, over arrays, by vectors.
 *
 * The last vector of an array is filled up and goes the same way as the others: no number depends on
 * where it stands.
 */
#include "kernels/kernels.h"

#ifndef REAL /* ---- once: the table ---- */

#define FOREACH_FILE "kernels/optimizer.c"
#include "simd/foreach_isa.h"

#define TABLE(type, isa) { \
    plain_##type##_##isa, momentum_##type##_##isa, nesterov_##type##_##isa, \
    by_squares_##type##_##isa, adam_##type##_##isa, rprop_##type##_##isa, decay_##type##_##isa, \
    shrink_##type##_##isa, add_penalty_##type##_##isa, sum_of_squares_##type##_##isa, \
    sum_of_sizes_##type##_##isa, column_sums_##type##_##isa}
#define OF_DOUBLE(isa) TABLE(double, isa)
#define OF_FLOAT(isa) TABLE(float, isa)
const OptimizerDouble fastnn_optimizer_double[] = {FOR_EACH_ISA(OF_DOUBLE)};
const OptimizerFloat fastnn_optimizer_float[] = {FOR_EACH_ISA(OF_FLOAT)};

#else /* ---- once for each instruction set and number type ---- */

#include "simd/simd.h"
#include "simd/over_root.h"

/* p and its state `one` and `two`, by g and the step's numbers k, which are read before anything
 * is written. */
#define AT(array) LoadNOr(0, (array) + i, count)
#define SET(array, x) StoreN(x, (array) + i, count)
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
    Vec v = k[KEEP] * AT(one) - k[RATE] * AT(g);
    SET(one, v);
    SET(p, AT(p) + v);
})

STEP(nesterov, {
    Vec slope = AT(g), v = k[KEEP] * AT(one) - k[RATE] * slope;
    SET(one, v);
    SET(p, AT(p) + (k[KEEP] * v - k[RATE] * slope));
})

/* RMSProp (keep α, take 1 − α) and AdaGrad (1 and 1) */
STEP(by_squares, {
    Vec slope = AT(g), s = k[KEEP] * AT(one) + k[TAKE] * slope * slope;
    SET(one, s);
    SET(p, AT(p) - NAME(over_root)(k[RATE] * slope, s, 1, k[EPS]));
})

STEP(adam, {
    Vec slope = AT(g), mean = k[KEEP] * AT(one) + k[TAKE] * slope;
    Vec square = k[KEEP_SQUARE] * AT(two) + k[TAKE_SQUARE] * slope * slope;
    SET(one, mean);
    SET(two, square);
    SET(p, AT(p) - NAME(over_root)(k[RATE] * mean, square, k[ROOT], k[EPS]));
})

/* The gradient before is `one`, the step `two`. A gradient that changed its sign is forgotten, and
 * its parameter rests for a step. */
STEP(rprop, {
    Vec slope = AT(g), size_of_step = AT(two), agreement = slope * AT(one);
    Vec more = ClampAbove(size_of_step * k[GROW], k[MOST]);
    Vec less = ClampBelow(size_of_step * k[SHRINK], k[LEAST]);
    slope = IfThenElse(agreement < 0, Zero(), slope);
    size_of_step = IfThenElse(agreement < 0, less, size_of_step);
    size_of_step = IfThenElse(agreement > 0, more, size_of_step);
    SET(one, slope);
    SET(two, size_of_step);
    SET(p, AT(p) - size_of_step * Sign(slope));
})

/* p := keep p */
STEP(decay, { SET(p, k[KEEP] * AT(p)); })

/* p := keep p − l1 sgn(p) */
STEP(shrink, {
    Vec x = AT(p);
    SET(p, k[KEEP] * x - k[L1] * Sign(x));
})

/* p := p + l2 g + l1 sgn(g): here p is a gradient, and g the weights. */
STEP(add_penalty, {
    Vec x = AT(g);
    SET(p, (AT(p) + k[L2] * x) + k[L1] * Sign(x));
})
#undef AT
#undef SET
#undef STEP

/* Σ x² or Σ |x| in double, in an order that the size alone decides. */
#define SIDE_BY_SIDE 4 /* sums: one would wait on itself */

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
            NAME(wide) some = NAME(load_wide)(x + i + part * WIDE_LANES);
            sums[part] += some * some;
        }
    for (; i + WIDE_LANES <= size; i += WIDE_LANES) {
        NAME(wide) some = NAME(load_wide)(x + i);
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
#undef SIDE_BY_SIDE

/* sums := keep sums + scale Σ_i rows[i], for `vectors` of columns, of which the last has `tail`. The
 * rows are added up first: one by one, each would lose its last digits to the large sum. */
INLINE void NAME(sums_of_strip)(REAL *sums, const REAL *rows, ptrdiff_t m, ptrdiff_t ld,
                                ptrdiff_t tail, REAL scale, REAL keep, const int vectors)
{
    Vec totals[4];
#define COUNT(v) (v < vectors - 1 ? LANES : tail)
    UNROLL
    for (int v = 0; v < vectors; v++)
        totals[v] = LoadNOr(0, rows + v * LANES, COUNT(v));
    for (ptrdiff_t i = 1; i < m; i++)
        UNROLL
        for (int v = 0; v < vectors; v++)
            totals[v] += LoadNOr(0, rows + i * ld + v * LANES, COUNT(v));
    UNROLL
    for (int v = 0; v < vectors; v++) {
        Vec sum = scale * totals[v];
        if (keep != 0)
            sum = MulAdd(Set(keep), LoadNOr(0, sums + v * LANES, COUNT(v)), sum);
        StoreN(sum, sums + v * LANES, COUNT(v));
    }
#undef COUNT
}

/* The same for n columns of rows at a distance of ld. */
static void NAME(column_sums)(REAL *sums, const REAL *rows, ptrdiff_t m, ptrdiff_t n, ptrdiff_t ld,
                              REAL scale, REAL keep)
{
    for (; n > 0; n -= 4 * LANES, sums += 4 * LANES, rows += 4 * LANES) {
#define STRIP(vectors) \
    NAME(sums_of_strip)(sums, rows, m, ld, n - (vectors - 1) * LANES, scale, keep, vectors)
        if (n > 4 * LANES)
            NAME(sums_of_strip)(sums, rows, m, ld, LANES, scale, keep, 4);
        else if (n > 3 * LANES)
            STRIP(4);
        else if (n > 2 * LANES)
            STRIP(3);
        else if (n > LANES)
            STRIP(2);
        else
            STRIP(1);
#undef STRIP
    }
}

#endif

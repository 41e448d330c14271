/* Sums of costs from the output layer's weighted inputs z and its outputs a = f(z), y the targets.
 *
 * Logarithms are taken of what f keeps all digits of: never of a number that is 0 where z is not
 * infinite, nor of one near 1. Where only z still tells, they are replaced by it. So costs are finite
 * for any z, and right to the last digits where they are nearly 0.
 *
 * Sums are in double; floats are converted, some at a time.
 */
#include <float.h>

#include "kernels/kernels.h"

#ifndef REAL /* ---- once: the table ---- */

#define SOME 64 /* outputs, or rows of softmax, that are looked at together */

/* What is known of some rows of softmax outputs: the largest z and a, the sum of all other a, what
 * the targets make of z, their sum; −ln a and −ln(1 − a) of the largest a. */
typedef struct {
    double top[SOME], top_a[SOME], others[SOME], linear[SOME], of_y[SOME], log_of_top[SOME],
        miss_of_top[SOME];
} SoftmaxRows;

#define FOREACH_FILE "kernels/cost.c"
#include "simd/foreach_isa.h"

#define TABLE(type, isa) \
    {costs_of_each_##type##_##isa, costs_of_rows_##type##_##isa, costs_of_columns_##type##_##isa}
#define OF_DOUBLE(isa) TABLE(double, isa)
#define OF_FLOAT(isa) TABLE(float, isa)
const CostDouble fastnn_cost_double[] = {FOR_EACH_ISA(OF_DOUBLE)};
const CostFloat fastnn_cost_float[] = {FOR_EACH_ISA(OF_FLOAT)};

#else /* ---- once for each instruction set and number type ---- */

#include "simd/simd.h"
#include "simd/math.h"

#define IN_DOUBLE(name) NAME_IN(name, double, ISA)

#if REAL_BITS == 64
/* |ln(1 + x)|, x > −1. What 1 + x loses is made good: where this tells, 1 + x is nearly 1. */
INLINE Vec NAME(log_beside_1)(Vec x)
{
    Vec sum = 1 + x;
    return Abs(NAME(log)(sum) + (x - (sum - 1)));
}

/* σ(−|z|), from a = σ(z); for a z above `limit`, where 1 − a has lost too much, from z. */
INLINE Vec NAME(share_missed)(Vec z, Vec a, double limit, const int some_above)
{
    Vec e, p = IfThenElse(z > 0, 1 - a, a);
    if (!some_above)
        return p;
    e = NAME(bounded_exp)(ClampBelow(-z, LOWEST_EXP));
    return IfThenElse(z > limit, e / (1 + e), p);
}

/* What cost y has beside −ln(1 − p), p = σ(−|z|). Nothing in it is below 0, so that no digits cancel.
 * An infinite z counts as the largest number: it may be right, and then costs nothing. */
INLINE Vec NAME(linear_part)(Vec z, Vec y, const int pair)
{
    Vec wrong = IfThenElse(z > 0, pair == LOG_LIKELIHOOD_SIGMOID ? Zero() : 1 - y, y);
    return wrong * ClampAbove(Abs(z), DBL_MAX);
}

/* Cross-entropy of outputs that all count the same: of four at a time −Σ ln(1 − p) takes but one
 * logarithm, as 1 − p of the two together is (1 − p)(1 − q), or p + q − pq missed. */
INLINE double NAME(add_up_four)(const double *z, const double *a, const double *y, ptrdiff_t size,
                                double limit, const int some_above)
{
    Vec sum = Zero(), missed = Zero();
    int held = 0;
    for (ptrdiff_t i = 0; i < size; i += LANES) { /* what is filled up costs nothing */
        Vec of_z = LoadNOr(0, z + i, size - i);
        Vec p = NAME(share_missed)(of_z, LoadNOr(0, a + i, size - i), limit, some_above);
        missed += p * (1 - missed);
        sum += NAME(linear_part)(of_z, LoadNOr(0, y + i, size - i), CROSS_ENTROPY_SIGMOID);
        if (++held == 4) {
            sum += NAME(log_beside_1)(-missed);
            missed = Zero();
            held = 0;
        }
    }
    return SumOfLanes(sum + NAME(log_beside_1)(-missed));
}

INLINE double NAME(add_up)(const double *z, const double *a, const double *y,
                           const double *weights, ptrdiff_t size, double limit,
                           const int some_above, const int pair)
{
    Vec sum = Zero();
    for (ptrdiff_t i = 0; i < size; i += LANES) {
        Vec of_z = LoadNOr(0, z + i, size - i), of_a = LoadNOr(0, a + i, size - i);
        Vec of_y = LoadNOr(0, y + i, size - i), cost;
        if (pair == POISSON_EXP) {
            cost = of_a - of_y * of_z;
        } else {
            cost = NAME(log_beside_1)(-NAME(share_missed)(of_z, of_a, limit, some_above));
            if (pair == LOG_LIKELIHOOD_SIGMOID)
                cost *= of_y;
            cost += NAME(linear_part)(of_z, of_y, pair);
        }
        sum += weights ? cost * LoadNOr(0, weights + i, size - i) : cost;
    }
    return SumOfLanes(sum);
}

INLINE int NAME(is_any_above)(const double *z, ptrdiff_t size, double limit)
{
    Vec top = Zero();
    REAL lanes[LANES];
    int any = 0;
    for (ptrdiff_t i = 0; i < size; i += LANES) {
        Vec x = LoadNOr(0, z + i, size - i);
        top = IfThenElse(x > top, x, top);
    }
    memcpy(lanes, &top, sizeof top);
    for (int lane = 0; lane < LANES; lane++)
        any |= lanes[lane] > limit;
    return any;
}

INLINE double NAME(costs_of_some)(const double *z, const double *a, const double *y,
                                  const double *weights, ptrdiff_t size, double limit, int pair)
{
    int above = pair != POISSON_EXP && NAME(is_any_above)(z, size, limit);
#define ADD_UP(above, pair) NAME(add_up)(z, a, y, weights, size, limit, above, pair)
    if (pair == POISSON_EXP)
        return ADD_UP(0, POISSON_EXP);
    if (pair == LOG_LIKELIHOOD_SIGMOID)
        return above ? ADD_UP(1, LOG_LIKELIHOOD_SIGMOID) : ADD_UP(0, LOG_LIKELIHOOD_SIGMOID);
    if (!weights)
        return above ? NAME(add_up_four)(z, a, y, size, limit, 1)
                     : NAME(add_up_four)(z, a, y, size, limit, 0);
    return above ? ADD_UP(1, CROSS_ENTROPY_SIGMOID) : ADD_UP(0, CROSS_ENTROPY_SIGMOID);
#undef ADD_UP
}

/* −ln a of each row's largest output: of it, or of 1 less all others, whichever is nearer to 1; and
 * −ln(1 − a), which is that of all others. */
static void NAME(take_logs)(SoftmaxRows *rows, int m)
{
    for (int i = 0; i < m; i += LANES) {
        Vec top = LoadNOr(1, rows->top_a + i, m - i);
        Vec others = LoadNOr(0, rows->others + i, m - i);
        Vec low = -NAME(log)(IfThenElse(others > C(0.5), top, Set(1)));
        Vec high = NAME(log_beside_1)(-IfThenElse(others > C(0.5), Zero(), others));
        StoreN(low + high, rows->log_of_top + i, m - i);
        StoreN(-NAME(log)(others), rows->miss_of_top + i, m - i);
    }
}

/* −Σ factors ln(1 − x), of at most SOME of 0 ≤ x ≤ ½ */
static double NAME(sum_of_misses)(const double *x, const double *factors, int size)
{
    Vec sum = Zero();
    for (int k = 0; k < size; k += LANES)
        sum += LoadNOr(0, factors + k, size - k)
             * NAME(log_beside_1)(-LoadNOr(0, x + k, size - k));
    return SumOfLanes(sum);
}
#define AT_ONCE 512
#define LIMIT 7 /* where 1 − a, of a in REAL, has lost 3 of 16 digits; of float 1 of 7 */
#else
#define AT_ONCE SOME
#define LIMIT 2
#endif

/* The sum over `size` outputs; times their weights, if these are not NULL. */
static double NAME(costs_of_each)(const REAL *z, const REAL *a, const REAL *y,
                                  const REAL *weights, ptrdiff_t size, int pair)
{
    double total = 0;
    for (ptrdiff_t i = 0; i < size; i += AT_ONCE) {
        int some = (int)(size - i < AT_ONCE ? size - i : AT_ONCE);
#if REAL_BITS == 64
        total += NAME(costs_of_some)(z + i, a + i, y + i, weights ? weights + i : NULL, some, LIMIT,
                                     pair);
#else
        double wide[4][AT_ONCE];
        for (int k = 0; k < some; k++) {
            wide[0][k] = z[i + k];
            wide[1][k] = a[i + k];
            wide[2][k] = y[i + k];
            wide[3][k] = weights ? weights[i + k] : 1;
        }
        for (int k = 0; pair == POISSON_EXP && k < some; k++)
            if (wide[1][k] > FLT_MAX) /* in double there is a number for it */
                wide[1][k] = exp(wide[0][k]);
        total += IN_DOUBLE(costs_of_some)(wide[0], wide[1], wide[2], weights ? wide[3] : NULL, some,
                                          LIMIT, pair);
#endif
    }
    return total;
}
#undef LIMIT
#undef AT_ONCE

/* Softmax. −ln a_j = −ln a_top + (z_top − z_j). */

/* What the sums over a row's outputs are, with the rows one after the other. */
static void NAME(scan_rows)(SoftmaxRows *rows, const REAL *z, const REAL *a, const REAL *y, int m,
                            ptrdiff_t n)
{
    for (int i = 0; i < m; i++, z += n, a += n, y += n) {
        REAL top = z[0], top_a = a[0];
        double others = 0, ties = -1, linear = 0, of_y = 0;
        for (ptrdiff_t j = 1; j < n; j++) {
            top = z[j] > top ? z[j] : top;
            top_a = a[j] > top_a ? a[j] : top_a;
        }
        for (ptrdiff_t j = 0; j < n; j++) {
            others += z[j] < top ? a[j] : 0;
            ties += z[j] < top ? 0 : 1;
            linear += y[j] * ((double)top - z[j]);
            of_y += y[j];
        }
        rows->top[i] = top;
        rows->top_a[i] = top_a;
        rows->others[i] = others + ties * top_a;
        rows->linear[i] = linear;
        rows->of_y[i] = of_y;
    }
}

/* The same with each output's numbers of all rows one after the other. */
static void NAME(scan_columns)(SoftmaxRows *rows, const REAL *z, const REAL *a, const REAL *y,
                               int m, ptrdiff_t n, ptrdiff_t distance)
{
    double ties[SOME];
    for (int i = 0; i < m; i++) {
        rows->top[i] = z[i];
        rows->top_a[i] = a[i];
        rows->others[i] = rows->linear[i] = rows->of_y[i] = 0;
        ties[i] = -1;
    }
    for (ptrdiff_t j = 1; j < n; j++)
        for (int i = 0; i < m; i++) {
            double of_z = z[j * distance + i], of_a = a[j * distance + i];
            rows->top[i] = of_z > rows->top[i] ? of_z : rows->top[i];
            rows->top_a[i] = of_a > rows->top_a[i] ? of_a : rows->top_a[i];
        }
    for (ptrdiff_t j = 0; j < n; j++)
        for (int i = 0; i < m; i++) {
            double below = rows->top[i] - z[j * distance + i], target = y[j * distance + i];
            rows->others[i] += below > 0 ? a[j * distance + i] : 0;
            ties[i] += below > 0 ? 0 : 1;
            rows->linear[i] += target * below;
            rows->of_y[i] += target;
        }
    for (int i = 0; i < m; i++)
        rows->others[i] += ties[i] * rows->top_a[i];
}

/* −ln(1 − a) of the row's largest output where the others are too small for digits: from their z,
 * at most the largest number, which counts for a softmax of one number. */
static double NAME(miss_of_top)(const REAL *z, ptrdiff_t n, double log_of_top)
{
    ptrdiff_t top = 0;
    double second = -INFINITY, sum = 0, miss;
    for (ptrdiff_t j = 1; j < n; j++)
        top = z[j] > z[top] ? j : top;
    for (ptrdiff_t j = 0; j < n; j++)
        if (j != top && z[j] > second)
            second = z[j];
    for (ptrdiff_t j = 0; j < n; j++)
        sum += j == top ? 0 : exp(z[j] - second);
    miss = log_of_top + (z[top] - second) - log(sum);
    return miss > DBL_MAX ? DBL_MAX : miss;
}

/* −Σ (1 − y) ln(1 − a) over rows, times their weights, if these are not NULL */
static double NAME(misses_of_rows)(const SoftmaxRows *rows, const REAL *z, const REAL *a,
                                   const REAL *y, const REAL *weights, int m, ptrdiff_t n)
{
    const double tiny = REAL_BITS == 64 ? 1e-290 : 1e-30;
    double outputs[SOME], factors[SOME], total = 0;
    int size = 0;
    for (int i = 0; i < m; i++, z += n, a += n, y += n) {
        double weight = weights ? weights[i] : 1, miss = rows->miss_of_top[i];
        int top_is_before = 0;
        if (rows->others[i] < tiny)
            miss = NAME(miss_of_top)(z, n, rows->log_of_top[i]);
        for (ptrdiff_t j = 0; j < n; j++) {
            double factor = weight * (1 - (double)y[j]);
            if (!top_is_before && !(z[j] < rows->top[i])) {
                top_is_before = 1;
                total += factor * miss;
                continue;
            }
            outputs[size] = a[j];
            factors[size++] = factor;
            if (size == SOME) {
                total += IN_DOUBLE(sum_of_misses)(outputs, factors, size);
                size = 0;
            }
        }
    }
    return total + IN_DOUBLE(sum_of_misses)(outputs, factors, size);
}

static double NAME(cost_of_row)(const SoftmaxRows *rows, int i)
{
    return rows->of_y[i] * rows->log_of_top[i] + rows->linear[i];
}

/* The sum over m rows of n outputs; times the rows' weights, if these are not NULL. */
static double NAME(costs_of_rows)(const REAL *z, const REAL *a, const REAL *y,
                                  const REAL *weights, ptrdiff_t m, ptrdiff_t n, int pair)
{
    SoftmaxRows rows;
    double total = 0;
    for (ptrdiff_t first = 0; first < m; first += SOME) {
        int some = (int)(m - first < SOME ? m - first : SOME);
        ptrdiff_t at = first * n;
        NAME(scan_rows)(&rows, z + at, a + at, y + at, some, n);
        IN_DOUBLE(take_logs)(&rows, some);
        for (int i = 0; i < some; i++) {
            double cost = NAME(cost_of_row)(&rows, i);
            total += weights ? weights[first + i] * cost : cost;
        }
        if (pair == CROSS_ENTROPY_SOFTMAX)
            total += NAME(misses_of_rows)(&rows, z + at, a + at, y + at,
                                          weights ? weights + first : NULL, some, n);
    }
    return total;
}

/* The same of log-likelihood with each output's numbers of all rows in a column, `distance` numbers
 * from the next. */
static double NAME(costs_of_columns)(const REAL *z, const REAL *a, const REAL *y,
                                     const REAL *weights, ptrdiff_t m, ptrdiff_t n,
                                     ptrdiff_t distance)
{
    SoftmaxRows rows;
    double total = 0;
    for (ptrdiff_t first = 0; first < m; first += SOME) {
        int some = (int)(m - first < SOME ? m - first : SOME);
        NAME(scan_columns)(&rows, z + first, a + first, y + first, some, n, distance);
        IN_DOUBLE(take_logs)(&rows, some);
        for (int i = 0; i < some; i++) {
            double cost = NAME(cost_of_row)(&rows, i);
            total += weights ? weights[first + i] * cost : cost;
        }
    }
    return total;
}

#undef IN_DOUBLE

#endif

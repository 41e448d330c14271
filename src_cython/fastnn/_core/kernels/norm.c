/* Normalization of columns and of blocks of rows, by vectors.
 *
 * Columns are added up ROWS rows at a time, which keeps more digits than one row after the other,
 * and reads long rows as they lie in memory. What becomes of a column depends on its numbers alone,
 * not on the columns beside it.
 */
#include "kernels/kernels.h"

#ifndef REAL /* ---- once: the table ---- */

#define FOREACH_FILE "kernels/norm.c"
#include "simd/foreach_isa.h"

#define TABLE(type, isa) { \
    columns_forward_##type##_##isa, columns_backward_##type##_##isa, \
    running_forward_##type##_##isa, parameter_sums_##type##_##isa, blocks_forward_##type##_##isa, \
    blocks_delta_##type##_##isa, channel_sums_##type##_##isa}
#define OF_DOUBLE(isa) TABLE(double, isa)
#define OF_FLOAT(isa) TABLE(float, isa)
const NormDouble fastnn_norm_double[] = {FOR_EACH_ISA(OF_DOUBLE)};
const NormFloat fastnn_norm_float[] = {FOR_EACH_ISA(OF_FLOAT)};

#else /* ---- once for each instruction set and number type ---- */

#include "simd/simd.h"

#define ROWS 8
#define ROWS_WRITTEN 4 /* at a time: of rows 4096 bytes apart a cache keeps few */
#define LESS(a, b) ((a) < (b) ? (a) : (b))

/* Mean and squares around it of `before` rows, to which `rows` more come (Chan, Golub and LeVeque,
 * 1983), of one vector of columns; all less the first row, for a mean far from 0 would keep too few
 * digits of what is around it. */
INLINE void NAME(add_rows)(REAL *mean, REAL *squares, const REAL *x, const REAL *first,
                           ptrdiff_t before, const ptrdiff_t rows, ptrdiff_t ld, ptrdiff_t count)
{
    const REAL part = (REAL)1 / (REAL)rows, share = (REAL)rows / (REAL)(before + rows);
    Vec start = LoadNOr(0, first, count), sum = Zero(), around = Zero(), moved;
    for (ptrdiff_t i = 0; i < rows; i++)
        sum += LoadNOr(0, x + i * ld, count) - start;
    sum *= part; /* the mean of these rows */
    for (ptrdiff_t i = 0; i < rows; i++) {
        moved = (LoadNOr(0, x + i * ld, count) - start) - sum;
        around += moved * moved;
    }
    moved = sum - LoadNOr(0, mean, count);
    around += moved * moved * (share * (REAL)before);
    StoreN(LoadNOr(0, squares, count) + around, squares, count);
    StoreN(LoadNOr(0, mean, count) + moved * share, mean, count);
}

/* Mean and biased variance of each column, less its first number. */
static void NAME(statistics)(REAL *mean, REAL *variance, const REAL *x, ptrdiff_t m, ptrdiff_t n,
                             ptrdiff_t ld)
{
    memset(mean, 0, (size_t)n * sizeof(REAL));
    memset(variance, 0, (size_t)n * sizeof(REAL));
    for (ptrdiff_t i = 0; i < m; i += ROWS) {
        const ptrdiff_t rows = LESS(ROWS, m - i);
        const REAL *at = x + i * ld;
        ptrdiff_t j = 0;
        for (; rows == ROWS && j + LANES <= n; j += LANES)
            NAME(add_rows)(mean + j, variance + j, at + j, x + j, i, ROWS, ld, LANES);
        for (; j < n; j += LANES)
            NAME(add_rows)(mean + j, variance + j, at + j, x + j, i, rows, ld, n - j);
    }
    for (ptrdiff_t j = 0; j < n; j++)
        variance[j] *= (REAL)(1.0 / (double)m);
}

/* What is done with one vector of columns from the last of `rows` rows to the first, whose numbers
 * the others need. */
INLINE void NAME(normalize_rows)(REAL *x, REAL *xhat, const REAL *start, const REAL *mean,
                                 const REAL *inverse, const REAL *gamma, const REAL *beta,
                                 const ptrdiff_t rows, ptrdiff_t ld, ptrdiff_t count)
{
    Vec first = LoadNOr(0, start, count), middle = LoadNOr(0, mean, count);
    Vec by = LoadNOr(0, inverse, count);
    Vec scale = LoadNOr(0, gamma, count), shift = LoadNOr(0, beta, count);
    for (ptrdiff_t i = rows - 1; i >= 0; i--) {
        Vec hat = ((LoadNOr(0, x + i * ld, count) - first) - middle) * by;
        StoreN(hat, xhat + i * ld, count);
        StoreN(scale * hat + shift, x + i * ld, count);
    }
}

/* x (m, n) := γ x̂ + β with each column's own statistics, which are handed out. */
static void NAME(columns_forward)(REAL *x, REAL *xhat, REAL *mean, REAL *variance, REAL *inverse,
                                  const REAL *gamma, const REAL *beta, ptrdiff_t m, ptrdiff_t n,
                                  ptrdiff_t ld, double eps)
{
    NAME(statistics)(mean, variance, x, m, n, ld);
    for (ptrdiff_t j = 0; j < n; j++)
        inverse[j] = (REAL)(1 / sqrt((double)variance[j] + eps));
    for (ptrdiff_t end = m; end > 0; end -= ROWS_WRITTEN) {
        const ptrdiff_t i = end > ROWS_WRITTEN ? end - ROWS_WRITTEN : 0;
        REAL *at = x + i * ld, *hat = xhat + i * ld;
        ptrdiff_t j = 0;
        for (; j < n; j += LANES) { /* those of the first row overwrite it last */
            REAL first[LANES];
            const ptrdiff_t count = LESS(LANES, n - j);
            memcpy(first, x + j, (size_t)count * sizeof(REAL));
            if (count == LANES)
                NAME(normalize_rows)(at + j, hat + j, first, mean + j, inverse + j, gamma + j,
                                     beta + j, end - i, ld, LANES);
            else
                NAME(normalize_rows)(at + j, hat + j, first, mean + j, inverse + j, gamma + j,
                                     beta + j, end - i, ld, count);
            if (i == 0)
                StoreN(LoadNOr(0, mean + j, count)
                            + LoadNOr(0, first, count), mean + j, count);
        }
    }
}

/* x (m, n) := γ (x − mean) / √(variance + ε) + β */
static void NAME(running_forward)(REAL *x, const REAL *mean, const REAL *variance,
                                  const REAL *gamma, const REAL *beta, ptrdiff_t m, ptrdiff_t n,
                                  ptrdiff_t ld, double eps)
{
    REAL scale[LANES];
    for (ptrdiff_t j = 0; j < n; j += LANES) {
        const ptrdiff_t count = LESS(LANES, n - j);
        Vec middle = LoadNOr(0, mean + j, count), shift = LoadNOr(0, beta + j, count), by;
        for (ptrdiff_t k = 0; k < count; k++)
            scale[k] = (REAL)(1 / sqrt((double)variance[j + k] + eps)) * gamma[j + k];
        by = LoadNOr(0, scale, count);
        for (ptrdiff_t i = 0; i < m; i++) {
            REAL *at = x + i * ld + j;
            StoreN((LoadNOr(0, at, count) - middle) * by + shift, at, count);
        }
    }
}

/* Of one vector of columns, add up `rows` rows. */
INLINE void NAME(sum_rows)(REAL *dgamma, REAL *dbeta, const REAL *delta, const REAL *xhat,
                           const ptrdiff_t rows, ptrdiff_t ld, ptrdiff_t count)
{
    Vec total = Zero(), along = Zero();
    for (ptrdiff_t i = 0; i < rows; i++) {
        Vec d = LoadNOr(0, delta + i * ld, count);
        total += d;
        along += d * LoadNOr(0, xhat + i * ld, count);
    }
    StoreN(LoadNOr(0, dbeta, count) + total, dbeta, count);
    StoreN(LoadNOr(0, dgamma, count) + along, dgamma, count);
}

/* dgamma := Σ_i x̂ ∂C/∂y, dbeta := Σ_i ∂C/∂y, over the rows of (m, n) */
static void NAME(parameter_sums)(REAL *dgamma, REAL *dbeta, const REAL *delta, const REAL *xhat,
                                 ptrdiff_t m, ptrdiff_t n, ptrdiff_t ld)
{
    memset(dgamma, 0, (size_t)n * sizeof(REAL));
    memset(dbeta, 0, (size_t)n * sizeof(REAL));
    for (ptrdiff_t i = 0; i < m; i += ROWS) {
        const ptrdiff_t rows = LESS(ROWS, m - i);
        const REAL *d = delta + i * ld, *hat = xhat + i * ld;
        ptrdiff_t j = 0;
        for (; rows == ROWS && j + LANES <= n; j += LANES)
            NAME(sum_rows)(dgamma + j, dbeta + j, d + j, hat + j, ROWS, ld, LANES);
        for (; j < n; j += LANES)
            NAME(sum_rows)(dgamma + j, dbeta + j, d + j, hat + j, rows, ld, n - j);
    }
}

/* delta := ∂C/∂x in place of ∂C/∂y, of one vector of columns */
INLINE void NAME(columns_delta)(REAL *delta, const REAL *xhat, Vec scale, Vec constant,
                                Vec along, const ptrdiff_t rows, ptrdiff_t ld, ptrdiff_t count)
{
    for (ptrdiff_t i = 0; i < rows; i++) {
        Vec away = constant + LoadNOr(0, xhat + i * ld, count) * along;
        StoreN(scale * (LoadNOr(0, delta + i * ld, count) - away), delta + i * ld, count);
    }
}

static void NAME(columns_backward)(REAL *delta, REAL *dgamma, REAL *dbeta, const REAL *xhat,
                                   const REAL *inverse, const REAL *gamma, ptrdiff_t m,
                                   ptrdiff_t n, ptrdiff_t ld)
{
    const REAL share = (REAL)(1.0 / (double)m);
    NAME(parameter_sums)(dgamma, dbeta, delta, xhat, m, n, ld);
    for (ptrdiff_t i = 0; i < m; i += ROWS_WRITTEN) {
        const ptrdiff_t rows = LESS(ROWS_WRITTEN, m - i);
        for (ptrdiff_t j = 0; j < n; j += LANES) {
            const ptrdiff_t count = LESS(LANES, n - j), at = i * ld + j;
            Vec scale = LoadNOr(0, gamma + j, count) * LoadNOr(0, inverse + j, count);
            Vec constant = share * LoadNOr(0, dbeta + j, count);
            Vec along = share * LoadNOr(0, dgamma + j, count);
            if (count == LANES)
                NAME(columns_delta)(delta + at, xhat + at, scale, constant, along, rows, ld, LANES);
            else
                NAME(columns_delta)(delta + at, xhat + at, scale, constant, along, rows, ld, count);
        }
    }
}

#include "norm_blocks.h"
#undef ROWS
#undef ROWS_WRITTEN
#undef LESS

#endif

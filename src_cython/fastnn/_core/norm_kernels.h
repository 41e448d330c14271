/* Normalization of columns and of blocks of rows, by vectors.
 *
 * Included once per instruction set and number type: see each_isa.h. Columns are added up ROWS rows
 * at a time, which keeps more digits than one row after the other, and reads long rows as they lie
 * in memory. What becomes of a column depends on its numbers alone, not on the columns beside it.
 */
#include "vector_types.h"

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
    VECTOR start = NAME(load)(first, count, 0), sum = ALL(0), around = ALL(0), moved;
    for (ptrdiff_t i = 0; i < rows; i++)
        sum += NAME(load)(x + i * ld, count, 0) - start;
    sum *= part; /* the mean of these rows */
    for (ptrdiff_t i = 0; i < rows; i++) {
        moved = (NAME(load)(x + i * ld, count, 0) - start) - sum;
        around += moved * moved;
    }
    moved = sum - NAME(load)(mean, count, 0);
    around += moved * moved * (share * (REAL)before);
    NAME(store)(squares, NAME(load)(squares, count, 0) + around, count);
    NAME(store)(mean, NAME(load)(mean, count, 0) + moved * share, count);
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
    VECTOR first = NAME(load)(start, count, 0), middle = NAME(load)(mean, count, 0);
    VECTOR by = NAME(load)(inverse, count, 0);
    VECTOR scale = NAME(load)(gamma, count, 0), shift = NAME(load)(beta, count, 0);
    for (ptrdiff_t i = rows - 1; i >= 0; i--) {
        VECTOR hat = ((NAME(load)(x + i * ld, count, 0) - first) - middle) * by;
        NAME(store)(xhat + i * ld, hat, count);
        NAME(store)(x + i * ld, scale * hat + shift, count);
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
                NAME(store)(mean + j, NAME(load)(mean + j, count, 0)
                            + NAME(load)(first, count, 0), count);
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
        VECTOR middle = NAME(load)(mean + j, count, 0), shift = NAME(load)(beta + j, count, 0), by;
        for (ptrdiff_t k = 0; k < count; k++)
            scale[k] = (REAL)(1 / sqrt((double)variance[j + k] + eps)) * gamma[j + k];
        by = NAME(load)(scale, count, 0);
        for (ptrdiff_t i = 0; i < m; i++) {
            REAL *at = x + i * ld + j;
            NAME(store)(at, (NAME(load)(at, count, 0) - middle) * by + shift, count);
        }
    }
}

/* Of one vector of columns, add up `rows` rows. */
INLINE void NAME(sum_rows)(REAL *dgamma, REAL *dbeta, const REAL *delta, const REAL *xhat,
                           const ptrdiff_t rows, ptrdiff_t ld, ptrdiff_t count)
{
    VECTOR total = ALL(0), along = ALL(0);
    for (ptrdiff_t i = 0; i < rows; i++) {
        VECTOR d = NAME(load)(delta + i * ld, count, 0);
        total += d;
        along += d * NAME(load)(xhat + i * ld, count, 0);
    }
    NAME(store)(dbeta, NAME(load)(dbeta, count, 0) + total, count);
    NAME(store)(dgamma, NAME(load)(dgamma, count, 0) + along, count);
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
INLINE void NAME(columns_delta)(REAL *delta, const REAL *xhat, VECTOR scale, VECTOR constant,
                                VECTOR along, const ptrdiff_t rows, ptrdiff_t ld, ptrdiff_t count)
{
    for (ptrdiff_t i = 0; i < rows; i++) {
        VECTOR away = constant + NAME(load)(xhat + i * ld, count, 0) * along;
        NAME(store)(delta + i * ld, scale * (NAME(load)(delta + i * ld, count, 0) - away), count);
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
            VECTOR scale = NAME(load)(gamma + j, count, 0) * NAME(load)(inverse + j, count, 0);
            VECTOR constant = share * NAME(load)(dbeta + j, count, 0);
            VECTOR along = share * NAME(load)(dgamma + j, count, 0);
            if (count == LANES)
                NAME(columns_delta)(delta + at, xhat + at, scale, constant, along, rows, ld, LANES);
            else
                NAME(columns_delta)(delta + at, xhat + at, scale, constant, along, rows, ld, count);
        }
    }
}

#include "block_kernels.h"
#undef ROWS
#undef ROWS_WRITTEN
#undef LESS
#include "vector_math_end.h"

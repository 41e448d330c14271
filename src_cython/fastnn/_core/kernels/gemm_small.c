/* Products of small matrices, where BLAS spends more on preparing than on multiplying.
 *
 * All matrices are row-major; `ld...` is the distance between the rows of a matrix, its columns or
 * more. C overlaps neither A nor B. Every number is summed in an order that depends on the depth k
 * alone, so that a matrix may be computed in any parts. Compilers without vector types have none
 * of these kernels.
 */
#include "kernels/kernels.h"

#ifndef REAL /* ---- once: the table ---- */

#define FOREACH_FILE "kernels/gemm_small.c"
#include "simd/foreach_isa.h"

#ifdef FASTNN_HAVE_VECTORS
#define TABLE(type, isa) { \
    #isa, small_nt_##type##_##isa, small_tn_##type##_##isa, small_nn_##type##_##isa, \
    small_panels_##type##_##isa, small_np_##type##_##isa}
#define OF_DOUBLE(isa) TABLE(double, isa)
#define OF_FLOAT(isa) TABLE(float, isa)
const GemmDouble fastnn_gemm_double[] = {FOR_EACH_ISA(OF_DOUBLE)};
const GemmFloat fastnn_gemm_float[] = {FOR_EACH_ISA(OF_FLOAT)};
#else /* BLAS does every product */
const GemmDouble fastnn_gemm_double[] = {{NULL}};
const GemmFloat fastnn_gemm_float[] = {{NULL}};
#endif

#else /* ---- once for each instruction set and number type ---- */

#ifdef FASTNN_HAVE_VECTORS
#include "simd/simd.h"
#include "simd/transpose.h"
#include "gemm_tile.h"
#if ISA_LEVEL == 3 /* NEON */
#include "neon_tile.h"
#endif

/* The tiles that the registers hold: DOT_ROWS x DOT_COLS sums, or RANK_ROWS x RANK_WIDTH. */
#if ISA_LEVEL == 2
#define DOT_ROWS 5
#define DOT_COLS 4
#define RANK_ROWS 6
#define RANK_WIDTH 4
#elif ISA_LEVEL == 1
#define DOT_ROWS 4
#define DOT_COLS 3
#define RANK_ROWS 4
#define RANK_WIDTH 3
#elif ISA_LEVEL == 3 /* NEON */
#define DOT_ROWS 4
#define DOT_COLS 4
#define RANK_ROWS 4
#define RANK_WIDTH 6
#else
#define DOT_ROWS 2
#define DOT_COLS 4
#define RANK_ROWS 4
#define RANK_WIDTH 2
#endif

/* A tile of C := A B^T + start: the dot products of `rows` rows of A with `cols` rows of B. The
 * rows of start, `lds` apart, are 0 if it is NULL. */
INLINE void NAME(dot_tile)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                           ptrdiff_t ldb, const REAL *start, ptrdiff_t lds, ptrdiff_t k,
                           const int rows, const int cols)
{
    Vec sums[DOT_ROWS][DOT_COLS];
    ptrdiff_t p = 0;
    int rest = (int)(k % LANES);
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < cols; j++)
            sums[i][j] = Zero();
#if ISA_LEVEL == 3 /* NEON */
    p = NAME(neon_dots)(sums[0], DOT_COLS, A, lda, B, ldb, k, rows, cols);
#endif
    for (; p + LANES <= k; p += LANES) {
        Vec b[DOT_COLS];
        UNROLL
        for (int j = 0; j < cols; j++)
            b[j] = Load(B + j * ldb + p);
        UNROLL
        for (int i = 0; i < rows; i++) {
            Vec a = Load(A + i * lda + p);
            UNROLL
            for (int j = 0; j < cols; j++)
                sums[i][j] += a * b[j];
        }
    }
    if (rest) {
        Vec b[DOT_COLS];
        UNROLL
        for (int j = 0; j < cols; j++)
            b[j] = LoadN(B + j * ldb + p, rest);
        UNROLL
        for (int i = 0; i < rows; i++) {
            Vec a = LoadN(A + i * lda + p, rest);
            UNROLL
            for (int j = 0; j < cols; j++)
                sums[i][j] += a * b[j];
        }
    }
#if ISA_LEVEL >= 2 /* AVX-512, NEON */
    if (cols == 4) {
        UNROLL
        for (int i = 0; i < rows; i++)
            NAME(tree_sums_of_4)(C + i * ldc, sums[i], start ? start + i * lds : NULL);
        return;
    }
#endif
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < cols; j++)
            C[i * ldc + j] = TreeSumOfLanes(sums[i][j]) + (start ? start[i * lds + j] : 0);
}

/* `rows` rows of C: full tiles, then what is left of the columns. */
INLINE void NAME(dot_rows)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                           ptrdiff_t ldb, const REAL *start, ptrdiff_t lds, ptrdiff_t n,
                           ptrdiff_t k, const int rows)
{
    ptrdiff_t j = 0;
#define OF_COLS(cols) \
    NAME(dot_tile)(C + j, ldc, A, lda, B + j * ldb, ldb, start ? start + j : NULL, lds, k, rows, cols)
    for (; j + DOT_COLS <= n; j += DOT_COLS)
        OF_COLS(DOT_COLS);
    for (; j + 2 <= n; j += 2)
        OF_COLS(2);
    if (j < n)
        OF_COLS(1);
#undef OF_COLS
}

/* All rows of C, of as many columns as rows of B fit in the cache beside them. */
static void NAME(dot_columns)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                              ptrdiff_t ldb, const REAL *start, ptrdiff_t lds, ptrdiff_t m,
                              ptrdiff_t n, ptrdiff_t k)
{
    ptrdiff_t i = 0;
#define OF_ROWS(rows) \
    NAME(dot_rows)(C + i * ldc, ldc, A + i * lda, lda, B, ldb, start ? start + i * lds : NULL, lds, \
                   n, k, rows)
    for (; i + DOT_ROWS <= m; i += DOT_ROWS)
        OF_ROWS(DOT_ROWS);
    for (; i + 2 <= m; i += 2)
        OF_ROWS(2);
    if (i < m)
        OF_ROWS(1);
#undef OF_ROWS
}

#define CACHED 131072 /* bytes of B: a part of the second cache */
#define CLOSE 36864   /* bytes of a tile's rows of A and B: most of the first cache */

/* By equal parts of the depth, so short that a tile's rows of A are still there for the next. */
static void NAME(dot_product)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                              ptrdiff_t ldb, const REAL *bias, ptrdiff_t m, ptrdiff_t n,
                              ptrdiff_t k)
{
    ptrdiff_t parts = (k * (DOT_ROWS + DOT_COLS) * (ptrdiff_t)sizeof(REAL) - 1) / CLOSE + 1;
    ptrdiff_t deep = ((k - 1) / (parts * LANES) + 1) * LANES;
    ptrdiff_t fit = CACHED / (deep * (ptrdiff_t)sizeof(REAL)) / DOT_COLS * DOT_COLS;
    for (ptrdiff_t j = 0; j < n; j += fit)
        for (ptrdiff_t p = 0; p < k; p += deep) {
            const REAL *start = p > 0 ? C + j : bias ? bias + j : NULL;
            NAME(dot_columns)(C + j, ldc, A + p, lda, B + j * ldb + p, ldb, start, p > 0 ? ldc : 0,
                              m, n - j < fit ? n - j : fit, k - p < deep ? k - p : deep);
        }
}

#undef CLOSE
#undef CACHED

/* A tile of C := beta C + alpha (start + op(A) B): `rows` rows of C, `width` vectors of columns.
 * The factor of C's row i and B's row p stands at A[p * lda + i] if `down`, else at
 * A[i * lda + p]; `start` is a row to add to all, or NULL. If B is `padded`, its rows may be read
 * up to whole vectors. While A's rows are read, as many at `next_rows` are prefetched, if it is
 * not NULL. */
INLINE void NAME(rank_tile)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                            ptrdiff_t ldb, const REAL *start, ptrdiff_t k, REAL alpha, REAL beta,
                            const int down, const int padded, const REAL *next_rows, const int rows,
                            const int width, int part)
{
    Vec sums[RANK_ROWS][RANK_WIDTH];
    ptrdiff_t p = 0;
    UNROLL
    for (int v = 0; v < width; v++) {
        Vec first = start ? NAME(load_of_row)(start, v, width, part) : Zero();
        UNROLL
        for (int i = 0; i < rows; i++)
            sums[i][v] = first;
    }
#if ISA_LEVEL == 3 /* NEON */
    if (padded || !part) {
        NAME(neon_ranks)(sums[0], RANK_WIDTH, A, lda, B, ldb, k, down, next_rows, rows, width);
        p = k;
    }
#endif
    for (; p < k; p++) {
        Vec b[RANK_WIDTH];
        if (next_rows && p % LANES == 0)
            for (int i = 0; i < rows; i++)
                __builtin_prefetch(next_rows + i * lda + p, 0, 2);
        UNROLL
        for (int v = 0; v < width; v++)
            b[v] = NAME(load_of_row)(B + p * ldb, v, width, padded ? 0 : part);
        UNROLL
        for (int i = 0; i < rows; i++) {
            REAL factor = down ? A[p * lda + i] : A[i * lda + p];
            UNROLL
            for (int v = 0; v < width; v++)
                sums[i][v] += factor * b[v];
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int v = 0; v < width; v++) {
            REAL *to = C + i * ldc + v * LANES;
            Vec sum = alpha * sums[i][v];
            if (beta != 0) /* else C may hold anything, NaN too */
                sum = MulAdd(Set(beta), NAME(load_of_row)(C + i * ldc, v, width, part), sum);
            if (part && v == width - 1)
                StoreN(sum, to, part);
            else
                Store(sum, to);
        }
}

/* Columns from j on of `rows` rows: a full tile, or if fewer columns are left one as narrow. */
INLINE void NAME(rank_part)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                            ptrdiff_t ldb, const REAL *start, ptrdiff_t n, ptrdiff_t k, REAL alpha,
                            REAL beta, const int down, const int padded,
                            const REAL *next_rows, const int rows)
{
    int part = (int)(n % LANES);
#define OF_WIDTH(width, part) \
    NAME(rank_tile)(C, ldc, A, lda, B, ldb, start, k, alpha, beta, down, padded, next_rows, rows, width, part)
    if (n >= RANK_WIDTH * LANES)
        OF_WIDTH(RANK_WIDTH, 0);
#if RANK_WIDTH == 6 /* NEON */
    else if (n > 5 * LANES)
        OF_WIDTH(6, part);
    else if (n > 4 * LANES)
        OF_WIDTH(5, part);
#endif
    else if (n > 3 * LANES)
        OF_WIDTH(RANK_WIDTH > 3 ? 4 : 1, part);
    else if (n > 2 * LANES)
        OF_WIDTH(RANK_WIDTH > 2 ? 3 : 1, part);
    else if (n > LANES)
        OF_WIDTH(2, part);
    else
        OF_WIDTH(1, part);
#undef OF_WIDTH
}

#define DEPTH 128 /* rows of B at a time: so many, of a tile's width, stay in the first cache */

INLINE void NAME(rank_product)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                               ptrdiff_t ldb, const REAL *start, ptrdiff_t m, ptrdiff_t n,
                               ptrdiff_t k, REAL alpha, REAL beta, const int down,
                               FastnnPrefetch *prefetch)
{
    ptrdiff_t steps = (m + RANK_ROWS - 1) / RANK_ROWS * ((n - 1) / (RANK_WIDTH * LANES) + 1);
    ptrdiff_t lines = prefetch ? (prefetch->lines + steps - 1) / steps : 0;
    for (ptrdiff_t top = 0; top < k; top += DEPTH) {
        ptrdiff_t depth = k - top < DEPTH ? k - top : DEPTH;
        for (ptrdiff_t j = 0; j < n; j += RANK_WIDTH * LANES) {
            const REAL *first = start && top == 0 ? start + j : NULL;
            ptrdiff_t i = 0;
#define OF_ROWS(rows) \
    NAME(rank_part)(C + i * ldc + j, ldc, A + (down ? top * lda + i : i * lda + top), lda, \
                    B + top * ldb + j, ldb, first, n - j, depth, alpha, beta, down, 0, NULL, \
                    rows)
            for (; i + RANK_ROWS <= m; i += RANK_ROWS) {
                if (lines)
                    fastnn_prefetch(prefetch, lines);
                OF_ROWS(RANK_ROWS);
            }
#if RANK_ROWS > 4
            if (i + 4 <= m) {
                OF_ROWS(4);
                i += 4;
            }
#endif
            for (; i + 2 <= m; i += 2)
                OF_ROWS(2);
            if (i < m)
                OF_ROWS(1);
#undef OF_ROWS
        }
        beta = 1;
    }
}

#undef DEPTH

/* C := beta C + alpha A^T B, with A (k, m), B (k, n), C (m, n). Meanwhile rows are prefetched, if
 * `prefetch` is not NULL. */
static void NAME(small_tn)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                           ptrdiff_t ldb, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, REAL alpha,
                           REAL beta, FastnnPrefetch *prefetch)
{
    NAME(rank_product)(C, ldc, A, lda, B, ldb, NULL, m, n, k, alpha, beta, 1, prefetch);
}

/* C := A B + start in every row, if it is not NULL, with A (m, k), B (k, n), C (m, n). */
static void NAME(small_nn)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                           ptrdiff_t ldb, const REAL *start, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    NAME(rank_product)(C, ldc, A, lda, B, ldb, start, m, n, k, 1, 0, 0, NULL);
}

/* Up to the depth SHALLOW a dot product would be mostly the sum of its lanes, so B is transposed;
 * up to MEDIUM too if that serves MANY rows. STRIPE columns are transposed at a time. */
#define SHALLOW 32
#define MEDIUM 128
#define MANY 48
#define STRIPE 64

/* C := A B^T + bias in every row, with A (m, k), B (n, k), C (m, n), bias (n) or NULL. */
static void NAME(small_nt)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                           ptrdiff_t ldb, const REAL *bias, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    REAL transposed[MEDIUM * STRIPE];
    if (k > (m < MANY ? SHALLOW : MEDIUM)) {
        NAME(dot_product)(C, ldc, A, lda, B, ldb, bias, m, n, k);
        return;
    }
    for (ptrdiff_t j = 0; j < n; j += STRIPE) {
        ptrdiff_t width = n - j < STRIPE ? n - j : STRIPE;
        NAME(copy_transposed)(transposed, STRIPE, B + j * ldb, ldb, width, k);
        NAME(small_nn)(C + j, ldc, A, lda, transposed, STRIPE, bias ? bias + j : NULL, m, width,
                       k);
    }
}

#undef MANY
#undef MEDIUM
#undef STRIPE
#undef SHALLOW

#include "gemm_prepacked.h"

#undef DOT_ROWS
#undef DOT_COLS
#undef RANK_ROWS
#undef RANK_WIDTH

#endif
#endif

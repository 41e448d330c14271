/* Products of small matrices, where BLAS spends more on preparing than on multiplying.
 *
 * Included by each_isa.h once per instruction set and number type. All matrices are row-major and
 * contiguous; C overlaps neither A nor B.
 */

/* The tiles that the registers hold: DOT_ROWS x DOT_COLS sums, or RANK_ROWS x RANK_WIDTH. */
#if ISA_LEVEL == 2
#define DOT_ROWS 5
#define DOT_COLS 5
#define RANK_ROWS 6
#define RANK_WIDTH 4
#elif ISA_LEVEL == 1
#define DOT_ROWS 4
#define DOT_COLS 3
#define RANK_ROWS 4
#define RANK_WIDTH 3
#else
#define DOT_ROWS 2
#define DOT_COLS 4
#define RANK_ROWS 4
#define RANK_WIDTH 2
#endif

#define VECTOR NAME(vector)
#define TILE static inline __attribute__((always_inline)) void

typedef REAL VECTOR __attribute__((vector_size(LANES * sizeof(REAL)), aligned(sizeof(REAL)),
                                   may_alias));

/* A tile of C := A B^T + bias: the dot products of `rows` rows of A with `cols` rows of B. */
TILE NAME(dot_tile)(REAL *C, const REAL *A, const REAL *B, const REAL *bias,
                    ptrdiff_t n, ptrdiff_t k, const int rows, const int cols)
{
    VECTOR sums[DOT_ROWS][DOT_COLS];
    ptrdiff_t p = 0;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++)
            sums[i][j] = (VECTOR){0};
    for (; p + LANES <= k; p += LANES) {
        VECTOR b[DOT_COLS];
        for (int j = 0; j < cols; j++)
            b[j] = *(const VECTOR *)(B + j * k + p);
        for (int i = 0; i < rows; i++) {
            VECTOR a = *(const VECTOR *)(A + i * k + p);
            for (int j = 0; j < cols; j++)
                sums[i][j] += a * b[j];
        }
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++) {
            REAL total = bias[j];
            for (int lane = 0; lane < LANES; lane++)
                total += sums[i][j][lane];
            for (ptrdiff_t rest = p; rest < k; rest++)
                total += A[i * k + rest] * B[j * k + rest];
            C[i * n + j] = total;
        }
}

/* `rows` rows of C: full tiles, then what is left of the columns. */
TILE NAME(dot_rows)(REAL *C, const REAL *A, const REAL *B, const REAL *bias,
                    ptrdiff_t n, ptrdiff_t k, const int rows)
{
    ptrdiff_t j = 0;
    for (; j + DOT_COLS <= n; j += DOT_COLS)
        NAME(dot_tile)(C + j, A, B + j * k, bias + j, n, k, rows, DOT_COLS);
    for (; j + 2 <= n; j += 2)
        NAME(dot_tile)(C + j, A, B + j * k, bias + j, n, k, rows, 2);
    if (j < n)
        NAME(dot_tile)(C + j, A, B + j * k, bias + j, n, k, rows, 1);
}

/* C := A B^T + bias in every row, with A (m, k), B (n, k), C (m, n), bias (n). Every number is
 * summed in an order that depends on k alone. */
static void NAME(small_nt)(REAL *C, const REAL *A, const REAL *B, const REAL *bias,
                           ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    ptrdiff_t i = 0;
    for (; i + DOT_ROWS <= m; i += DOT_ROWS)
        NAME(dot_rows)(C + i * n, A + i * k, B, bias, n, k, DOT_ROWS);
    for (; i + 2 <= m; i += 2)
        NAME(dot_rows)(C + i * n, A + i * k, B, bias, n, k, 2);
    if (i < m)
        NAME(dot_rows)(C + i * n, A + i * k, B, bias, n, k, 1);
}

/* A tile of C := beta C + P B: `rows` rows of C, `width` vectors of columns. P holds, for each of
 * the k rows of B, RANK_ROWS factors, one a row of C. */
TILE NAME(rank_tile)(REAL *C, const REAL *P, const REAL *B, ptrdiff_t n, ptrdiff_t k, REAL beta,
                     const int rows, const int width)
{
    VECTOR sums[RANK_ROWS][RANK_WIDTH];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < width; v++)
            if (beta == 0) /* then C may hold anything, NaN too */
                sums[i][v] = (VECTOR){0};
            else
                sums[i][v] = beta * *(const VECTOR *)(C + i * n + v * LANES);
    for (ptrdiff_t p = 0; p < k; p++) {
        VECTOR b[RANK_WIDTH];
        for (int v = 0; v < width; v++)
            b[v] = *(const VECTOR *)(B + p * n + v * LANES);
        for (int i = 0; i < rows; i++) {
            REAL factor = P[p * RANK_ROWS + i];
            for (int v = 0; v < width; v++)
                sums[i][v] += factor * b[v];
        }
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < width; v++)
            *(VECTOR *)(C + i * n + v * LANES) = sums[i][v];
}

/* `rows` rows of C: full tiles, single vectors, then the columns that fill none. */
TILE NAME(rank_rows)(REAL *C, const REAL *P, const REAL *B, ptrdiff_t n, ptrdiff_t k, REAL beta,
                     const int rows)
{
    ptrdiff_t j = 0;
    for (; j + RANK_WIDTH * LANES <= n; j += RANK_WIDTH * LANES)
        NAME(rank_tile)(C + j, P, B + j, n, k, beta, rows, RANK_WIDTH);
    for (; j + LANES <= n; j += LANES)
        NAME(rank_tile)(C + j, P, B + j, n, k, beta, rows, 1);
    for (; j < n; j++)
        for (int i = 0; i < rows; i++) {
            REAL total = beta == 0 ? 0 : beta * C[i * n + j];
            for (ptrdiff_t p = 0; p < k; p++)
                total += P[p * RANK_ROWS + i] * B[p * n + j];
            C[i * n + j] = total;
        }
}

#define DEPTH 64 /* rows of B for which factors are laid out at a time */

/* C := beta C + alpha op(A) B, with op(A) (m, k), B (k, n), C (m, n). The factor of C's row i and
 * B's row p stands at A[i * by_row + p * by_depth]. */
static void NAME(small_rank)(REAL *C, const REAL *A, const REAL *B,
                             ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, REAL alpha, REAL beta,
                             ptrdiff_t by_row, ptrdiff_t by_depth)
{
    REAL factors[DEPTH * RANK_ROWS];
    for (ptrdiff_t top = 0; top < k; top += DEPTH) {
        ptrdiff_t depth = k - top < DEPTH ? k - top : DEPTH;
        const REAL *rows_of_B = B + top * n;
        for (ptrdiff_t i = 0; i < m; i += RANK_ROWS) {
            int rows = m - i < RANK_ROWS ? (int)(m - i) : RANK_ROWS, at = 0;
            REAL *to = C + i * n;
            for (ptrdiff_t p = 0; p < depth; p++)
                for (int r = 0; r < rows; r++)
                    factors[p * RANK_ROWS + r] = alpha * A[(i + r) * by_row + (top + p) * by_depth];
            if (rows == RANK_ROWS) {
                NAME(rank_rows)(to, factors, rows_of_B, n, depth, beta, RANK_ROWS);
                continue;
            }
            for (; at + 2 <= rows; at += 2)
                NAME(rank_rows)(to + at * n, factors + at, rows_of_B, n, depth, beta, 2);
            if (at < rows)
                NAME(rank_rows)(to + at * n, factors + at, rows_of_B, n, depth, beta, 1);
        }
        beta = 1;
    }
}

#undef DEPTH
#undef TILE
#undef VECTOR
#undef DOT_ROWS
#undef DOT_COLS
#undef RANK_ROWS
#undef RANK_WIDTH

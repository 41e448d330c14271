/* Products of small matrices, where BLAS spends more on preparing than on multiplying.
 *
 * Included by each_isa.h once per instruction set and number type. All matrices are row-major;
 * `ld...` is the distance between the rows of a matrix, its columns or more. C overlaps neither A
 * nor B. Every number is summed in an order that depends on the depth k alone, so that a matrix may
 * be computed in any pieces.
 */

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
#else
#define DOT_ROWS 2
#define DOT_COLS 4
#define RANK_ROWS 4
#define RANK_WIDTH 2
#endif

#define VECTOR NAME(vector)
#define INLINE static inline __attribute__((always_inline))

typedef REAL VECTOR __attribute__((vector_size(LANES * sizeof(REAL)), aligned(sizeof(REAL)),
                                   may_alias));

/* The first `count` < LANES numbers at `from`, the other lanes 0; nothing beyond is touched. */
INLINE VECTOR NAME(load_part)(const REAL *from, int count)
{
#if ISA_LEVEL == 2 && REAL_BITS == 64
    return (VECTOR)_mm512_maskz_loadu_pd((__mmask8)((1u << count) - 1), from);
#elif ISA_LEVEL == 2
    return (VECTOR)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
#elif ISA_LEVEL == 1 && REAL_BITS == 64
    return (VECTOR)_mm256_maskload_pd(
        from, _mm256_loadu_si256((const __m256i *)(fastnn_lanes_64 + 4 - count)));
#elif ISA_LEVEL == 1
    return (VECTOR)_mm256_maskload_ps(
        from, _mm256_loadu_si256((const __m256i *)(fastnn_lanes_32 + 8 - count)));
#else
    VECTOR part = {0};
    for (int lane = 0; lane < count; lane++)
        part[lane] = from[lane];
    return part;
#endif
}

INLINE void NAME(store_part)(REAL *to, VECTOR part, int count)
{
#if ISA_LEVEL == 2 && REAL_BITS == 64
    _mm512_mask_storeu_pd(to, (__mmask8)((1u << count) - 1), (__m512d)part);
#elif ISA_LEVEL == 2
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), (__m512)part);
#elif ISA_LEVEL == 1 && REAL_BITS == 64
    _mm256_maskstore_pd(to, _mm256_loadu_si256((const __m256i *)(fastnn_lanes_64 + 4 - count)),
                        (__m256d)part);
#elif ISA_LEVEL == 1
    _mm256_maskstore_ps(to, _mm256_loadu_si256((const __m256i *)(fastnn_lanes_32 + 8 - count)),
                        (__m256)part);
#else
    for (int lane = 0; lane < count; lane++)
        to[lane] = part[lane];
#endif
}

/* The sum of the lanes, halves first. */
INLINE REAL NAME(total)(VECTOR v)
{
#if ISA_LEVEL == 2 && REAL_BITS == 64
    return _mm512_reduce_add_pd((__m512d)v);
#elif ISA_LEVEL == 2
    return _mm512_reduce_add_ps((__m512)v);
#elif ISA_LEVEL == 1 && REAL_BITS == 64
    __m128d half = _mm_add_pd(_mm256_castpd256_pd128((__m256d)v),
                              _mm256_extractf128_pd((__m256d)v, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
#elif ISA_LEVEL == 1
    __m128 half = _mm_add_ps(_mm256_castps256_ps128((__m256)v),
                             _mm256_extractf128_ps((__m256)v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
#else
    REAL sum = v[0];
    for (int lane = 1; lane < LANES; lane++)
        sum += v[lane];
    return sum;
#endif
}

/* A tile of C := A B^T + bias: the dot products of `rows` rows of A with `cols` rows of B. */
INLINE void NAME(dot_tile)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                           const REAL *bias, ptrdiff_t k, const int rows, const int cols)
{
    VECTOR sums[DOT_ROWS][DOT_COLS];
    ptrdiff_t p = 0;
    int rest = (int)(k % LANES);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++)
            sums[i][j] = (VECTOR){0};
    for (; p + LANES <= k; p += LANES) {
        VECTOR b[DOT_COLS];
        for (int j = 0; j < cols; j++)
            b[j] = *(const VECTOR *)(B + j * k + p);
        for (int i = 0; i < rows; i++) {
            VECTOR a = *(const VECTOR *)(A + i * lda + p);
            for (int j = 0; j < cols; j++)
                sums[i][j] += a * b[j];
        }
    }
    if (rest) {
        VECTOR b[DOT_COLS];
        for (int j = 0; j < cols; j++)
            b[j] = NAME(load_part)(B + j * k + p, rest);
        for (int i = 0; i < rows; i++) {
            VECTOR a = NAME(load_part)(A + i * lda + p, rest);
            for (int j = 0; j < cols; j++)
                sums[i][j] += a * b[j];
        }
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++)
            C[i * ldc + j] = NAME(total)(sums[i][j]) + bias[j];
}

/* `rows` rows of C: full tiles, then what is left of the columns. */
INLINE void NAME(dot_rows)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                           const REAL *bias, ptrdiff_t n, ptrdiff_t k, const int rows)
{
    ptrdiff_t j = 0;
    for (; j + DOT_COLS <= n; j += DOT_COLS)
        NAME(dot_tile)(C + j, ldc, A, lda, B + j * k, bias + j, k, rows, DOT_COLS);
    for (; j + 2 <= n; j += 2)
        NAME(dot_tile)(C + j, ldc, A, lda, B + j * k, bias + j, k, rows, 2);
    if (j < n)
        NAME(dot_tile)(C + j, ldc, A, lda, B + j * k, bias + j, k, rows, 1);
}

/* All rows of C, of as many columns as rows of B fit in the cache beside them. */
static void NAME(dot_columns)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                              const REAL *bias, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    ptrdiff_t i = 0;
    for (; i + DOT_ROWS <= m; i += DOT_ROWS)
        NAME(dot_rows)(C + i * ldc, ldc, A + i * lda, lda, B, bias, n, k, DOT_ROWS);
    for (; i + 2 <= m; i += 2)
        NAME(dot_rows)(C + i * ldc, ldc, A + i * lda, lda, B, bias, n, k, 2);
    if (i < m)
        NAME(dot_rows)(C + i * ldc, ldc, A + i * lda, lda, B, bias, n, k, 1);
}

#define CACHED 131072 /* bytes of B: a part of the second cache */

static void NAME(dot_product)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                              const REAL *bias, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    ptrdiff_t fit = CACHED / (k * (ptrdiff_t)sizeof(REAL)) / DOT_COLS * DOT_COLS;
    if (fit < DOT_COLS)
        fit = DOT_COLS;
    for (ptrdiff_t j = 0; j < n; j += fit)
        NAME(dot_columns)(C + j, ldc, A, lda, B + j * k, bias + j, m, n - j < fit ? n - j : fit, k);
}

#undef CACHED

/* A tile of C := beta C + P B: `rows` rows of C, `width` vectors of columns, or with a `part`
 * the first of them alone. P holds, for each of the k rows of B, RANK_ROWS factors, one a row of
 * C. */
INLINE void NAME(rank_tile)(REAL *C, ptrdiff_t ldc, const REAL *P, const REAL *B, ptrdiff_t ldb,
                            ptrdiff_t k, REAL beta, const int rows, const int width, int part)
{
    VECTOR sums[RANK_ROWS][RANK_WIDTH];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < width; v++) {
            const REAL *old = C + i * ldc + v * LANES;
            if (beta == 0) /* then C may hold anything, NaN too */
                sums[i][v] = (VECTOR){0};
            else
                sums[i][v] = beta * (part ? NAME(load_part)(old, part) : *(const VECTOR *)old);
        }
    for (ptrdiff_t p = 0; p < k; p++) {
        VECTOR b[RANK_WIDTH];
        for (int v = 0; v < width; v++) {
            const REAL *row = B + p * ldb + v * LANES;
            b[v] = part ? NAME(load_part)(row, part) : *(const VECTOR *)row;
        }
        for (int i = 0; i < rows; i++) {
            REAL factor = P[p * RANK_ROWS + i];
            for (int v = 0; v < width; v++)
                sums[i][v] += factor * b[v];
        }
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < width; v++) {
            REAL *to = C + i * ldc + v * LANES;
            if (part)
                NAME(store_part)(to, sums[i][v], part);
            else
                *(VECTOR *)to = sums[i][v];
        }
}

/* `rows` rows of C: full tiles, single vectors, then the columns that fill none. */
INLINE void NAME(rank_rows)(REAL *C, ptrdiff_t ldc, const REAL *P, const REAL *B, ptrdiff_t ldb,
                            ptrdiff_t n, ptrdiff_t k, REAL beta, const int rows,
                            FastnnAhead *ahead, ptrdiff_t lines)
{
    ptrdiff_t j = 0;
    for (; j + RANK_WIDTH * LANES <= n; j += RANK_WIDTH * LANES) {
        if (lines)
            fastnn_ask(ahead, lines);
        NAME(rank_tile)(C + j, ldc, P, B + j, ldb, k, beta, rows, RANK_WIDTH, 0);
    }
    for (; j + LANES <= n; j += LANES)
        NAME(rank_tile)(C + j, ldc, P, B + j, ldb, k, beta, rows, 1, 0);
    if (j < n)
        NAME(rank_tile)(C + j, ldc, P, B + j, ldb, k, beta, rows, 1, (int)(n - j));
}

#define DEPTH 64 /* rows of B for which factors are laid out at a time */

/* C := beta C + alpha op(A) B, with op(A) (m, k), B (k, n), C (m, n). The factor of C's row i and
 * B's row p stands at A[i * by_row + p * by_depth]. On the way memory is asked for that is wanted
 * soon, if `ahead` is not NULL. */
static void NAME(small_rank)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t by_row,
                             ptrdiff_t by_depth, const REAL *B, ptrdiff_t ldb, ptrdiff_t m,
                             ptrdiff_t n, ptrdiff_t k, REAL alpha, REAL beta, FastnnAhead *ahead)
{
    ptrdiff_t steps = (m + RANK_ROWS - 1) / RANK_ROWS * (n / (RANK_WIDTH * LANES));
    ptrdiff_t lines = ahead && steps ? (ahead->lines + steps - 1) / steps : 0;
    REAL factors[DEPTH * RANK_ROWS];
    for (ptrdiff_t top = 0; top < k; top += DEPTH) {
        ptrdiff_t depth = k - top < DEPTH ? k - top : DEPTH;
        const REAL *rows_of_B = B + top * ldb;
        for (ptrdiff_t i = 0; i < m; i += RANK_ROWS) {
            int height = m - i < RANK_ROWS ? (int)(m - i) : RANK_ROWS, r = 0;
            REAL *to = C + i * ldc;
            const REAL *from = A + i * by_row + top * by_depth;
            for (ptrdiff_t p = 0; p < depth; p++)
                for (int h = 0; h < height; h++)
                    factors[p * RANK_ROWS + h] = alpha * from[h * by_row + p * by_depth];
            if (height == RANK_ROWS) {
                NAME(rank_rows)(to, ldc, factors, rows_of_B, ldb, n, depth, beta, RANK_ROWS, ahead, lines);
                continue;
            }
            if (RANK_ROWS > 4 && height >= 4) {
                NAME(rank_rows)(to, ldc, factors, rows_of_B, ldb, n, depth, beta, 4, ahead, lines);
                r = 4;
            }
            for (; r + 2 <= height; r += 2)
                NAME(rank_rows)(to + r * ldc, ldc, factors + r, rows_of_B, ldb, n, depth, beta, 2, NULL, 0);
            if (r < height)
                NAME(rank_rows)(to + r * ldc, ldc, factors + r, rows_of_B, ldb, n, depth, beta, 1, NULL, 0);
        }
        beta = 1;
    }
}

#define SHALLOW 32 /* depth up to which a dot product would be mostly the sum of its lanes */
#define STRIPE 64   /* columns for which that is done at a time */

/* C := A B^T + bias in every row, with A (m, k), B (n, k) in one piece, C (m, n), bias (n). Up to
 * SHALLOW, B is turned round. */
static void NAME(small_nt)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                           const REAL *bias, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    REAL turned[SHALLOW * STRIPE];
    if (k > SHALLOW) {
        NAME(dot_product)(C, ldc, A, lda, B, bias, m, n, k);
        return;
    }
    for (ptrdiff_t j = 0; j < n; j += STRIPE) {
        ptrdiff_t width = n - j < STRIPE ? n - j : STRIPE;
        for (ptrdiff_t c = 0; c < width; c++)
            for (ptrdiff_t p = 0; p < k; p++)
                turned[p * STRIPE + c] = B[(j + c) * k + p];
        for (ptrdiff_t i = 0; i < m; i++)
            for (ptrdiff_t c = 0; c < width; c++)
                C[i * ldc + j + c] = bias[j + c];
        NAME(small_rank)(C + j, ldc, A, lda, 1, turned, STRIPE, m, width, k, 1, 1, NULL);
    }
}

#undef STRIPE
#undef SHALLOW
#undef DEPTH
#undef INLINE
#undef VECTOR
#undef DOT_ROWS
#undef DOT_COLS
#undef RANK_ROWS
#undef RANK_WIDTH

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
/* Before a loop over a tile's sums: unrolled early, they stay in registers from its beginning to
 * its end. */
#ifdef __clang__
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

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

/* The sum of the lanes: within each quarter of a vector first, then halves of the whole. */
INLINE REAL NAME(total)(VECTOR v)
{
#if ISA_LEVEL == 2 && REAL_BITS == 64
    __m512d pairs = _mm512_add_pd((__m512d)v, _mm512_permute_pd((__m512d)v, 0x55));
    __m256d half = _mm256_add_pd(_mm512_castpd512_pd256(pairs), _mm512_extractf64x4_pd(pairs, 1));
    return _mm_cvtsd_f64(_mm_add_sd(_mm256_castpd256_pd128(half), _mm256_extractf128_pd(half, 1)));
#elif ISA_LEVEL == 2
    __m512 pairs = _mm512_add_ps((__m512)v, _mm512_permute_ps((__m512)v, 0x4e));
    __m512 fours = _mm512_add_ps(pairs, _mm512_permute_ps(pairs, 0xb1));
    __m256 half = _mm256_add_ps(_mm512_castps512_ps256(fours), _mm512_extractf32x8_ps(fours, 1));
    return _mm_cvtss_f32(_mm_add_ss(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
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

#if ISA_LEVEL == 2
/* to := the sums of four vectors' lanes + bias, each in the order of `total`. */
INLINE void NAME(four_totals)(REAL *to, const VECTOR *v, const REAL *bias)
{
#if REAL_BITS == 64
    __m512d a = (__m512d)v[0], b = (__m512d)v[1], c = (__m512d)v[2], d = (__m512d)v[3];
    __m512d ab = _mm512_add_pd(_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b));
    __m512d cd = _mm512_add_pd(_mm512_unpacklo_pd(c, d), _mm512_unpackhi_pd(c, d));
    __m512d half = _mm512_add_pd(_mm512_shuffle_f64x2(ab, cd, 0x44),
                                 _mm512_shuffle_f64x2(ab, cd, 0xee));
    __m512d sums = _mm512_add_pd(_mm512_shuffle_f64x2(half, half, 0x88),
                                 _mm512_shuffle_f64x2(half, half, 0xdd));
    _mm256_storeu_pd(to, _mm256_add_pd(_mm512_castpd512_pd256(sums),
                                       bias ? _mm256_loadu_pd(bias) : _mm256_setzero_pd()));
#else
    __m512 a = (__m512)v[0], b = (__m512)v[1], c = (__m512)v[2], d = (__m512)v[3];
    __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    __m512 fours = _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
    __m256 half = _mm256_add_ps(_mm512_castps512_ps256(fours), _mm512_extractf32x8_ps(fours, 1));
    __m128 sums = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    _mm_storeu_ps(to, _mm_add_ps(sums, bias ? _mm_loadu_ps(bias) : _mm_setzero_ps()));
#endif
}
#endif

/* A tile of C := A B^T + start: the dot products of `rows` rows of A with `cols` rows of B. The
 * rows of start, `lds` apart, are 0 if it is NULL. */
INLINE void NAME(dot_tile)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                           ptrdiff_t ldb, const REAL *start, ptrdiff_t lds, ptrdiff_t k,
                           const int rows, const int cols)
{
    VECTOR sums[DOT_ROWS][DOT_COLS];
    ptrdiff_t p = 0;
    int rest = (int)(k % LANES);
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < cols; j++)
            sums[i][j] = (VECTOR){0};
    for (; p + LANES <= k; p += LANES) {
        VECTOR b[DOT_COLS];
        UNROLL
        for (int j = 0; j < cols; j++)
            b[j] = *(const VECTOR *)(B + j * ldb + p);
        UNROLL
        for (int i = 0; i < rows; i++) {
            VECTOR a = *(const VECTOR *)(A + i * lda + p);
            UNROLL
            for (int j = 0; j < cols; j++)
                sums[i][j] += a * b[j];
        }
    }
    if (rest) {
        VECTOR b[DOT_COLS];
        UNROLL
        for (int j = 0; j < cols; j++)
            b[j] = NAME(load_part)(B + j * ldb + p, rest);
        UNROLL
        for (int i = 0; i < rows; i++) {
            VECTOR a = NAME(load_part)(A + i * lda + p, rest);
            UNROLL
            for (int j = 0; j < cols; j++)
                sums[i][j] += a * b[j];
        }
    }
#if ISA_LEVEL == 2
    if (cols == 4) {
        UNROLL
        for (int i = 0; i < rows; i++)
            NAME(four_totals)(C + i * ldc, sums[i], start ? start + i * lds : NULL);
        return;
    }
#endif
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < cols; j++)
            C[i * ldc + j] = NAME(total)(sums[i][j]) + (start ? start[i * lds + j] : 0);
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

/* A vector of a row of C or B: the last one of a tile may have fewer numbers, `part` if not 0. */
INLINE VECTOR NAME(load_of_row)(const REAL *row, const int v, const int width, int part)
{
    const REAL *from = row + v * LANES;
    return part && v == width - 1 ? NAME(load_part)(from, part) : *(const VECTOR *)from;
}

/* A tile of C := beta C + alpha (start + op(A) B): `rows` rows of C, `width` vectors of columns.
 * The factor of C's row i and B's row p stands at A[p * lda + i] if `down`, else at
 * A[i * lda + p]; `start` is a row to add to all, or NULL. If B is `padded`, its rows may be read
 * up to whole vectors. While A's rows are read, so much of those at `soon` is asked for, if it is not
 * NULL. */
INLINE void NAME(rank_tile)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                            ptrdiff_t ldb, const REAL *start, ptrdiff_t k, REAL alpha, REAL beta,
                            const int down, const int padded, const REAL *soon, const int rows,
                            const int width, int part)
{
    VECTOR sums[RANK_ROWS][RANK_WIDTH];
    UNROLL
    for (int v = 0; v < width; v++) {
        VECTOR first = start ? NAME(load_of_row)(start, v, width, part) : (VECTOR){0};
        UNROLL
        for (int i = 0; i < rows; i++)
            sums[i][v] = first;
    }
    for (ptrdiff_t p = 0; p < k; p++) {
        VECTOR b[RANK_WIDTH];
        if (soon && p % LANES == 0)
            for (int i = 0; i < rows; i++)
                __builtin_prefetch(soon + i * lda + p, 0, 2);
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
            VECTOR sum = alpha * sums[i][v];
            if (beta != 0) /* else C may hold anything, NaN too */
                sum += beta * NAME(load_of_row)(C + i * ldc, v, width, part);
            if (part && v == width - 1)
                NAME(store_part)(to, sum, part);
            else
                *(VECTOR *)to = sum;
        }
}

/* Columns from j on of `rows` rows: a full tile, or if fewer columns are left one as narrow. */
INLINE void NAME(rank_part)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                            ptrdiff_t ldb, const REAL *start, ptrdiff_t n, ptrdiff_t k, REAL alpha,
                            REAL beta, const int down, const int padded,
                            const REAL *soon, const int rows)
{
    int part = (int)(n % LANES);
#define OF_WIDTH(width, part) \
    NAME(rank_tile)(C, ldc, A, lda, B, ldb, start, k, alpha, beta, down, padded, soon, rows, width, part)
    if (n >= RANK_WIDTH * LANES)
        OF_WIDTH(RANK_WIDTH, 0);
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
                               FastnnAhead *ahead)
{
    ptrdiff_t steps = (m + RANK_ROWS - 1) / RANK_ROWS * ((n - 1) / (RANK_WIDTH * LANES) + 1);
    ptrdiff_t lines = ahead ? (ahead->lines + steps - 1) / steps : 0;
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
                    fastnn_ask(ahead, lines);
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

/* C := beta C + alpha A^T B, with A (k, m), B (k, n), C (m, n). On the way memory is asked for
 * that is wanted soon, if `ahead` is not NULL. */
static void NAME(small_tn)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                           ptrdiff_t ldb, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, REAL alpha,
                           REAL beta, FastnnAhead *ahead)
{
    NAME(rank_product)(C, ldc, A, lda, B, ldb, NULL, m, n, k, alpha, beta, 1, ahead);
}

/* C := A B + start in every row, if it is not NULL, with A (m, k), B (k, n), C (m, n). */
static void NAME(small_nn)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                           ptrdiff_t ldb, const REAL *start, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    NAME(rank_product)(C, ldc, A, lda, B, ldb, start, m, n, k, 1, 0, 0, NULL);
}

#include "turning.h"

/* Up to the depth SHALLOW a dot product would be mostly the sum of its lanes, so B is turned round;
 * up to MEDIUM too if that serves MANY rows. STRIPE columns are turned at a time. */
#define SHALLOW 32
#define MEDIUM 128
#define MANY 48
#define STRIPE 64

/* C := A B^T + bias in every row, with A (m, k), B (n, k), C (m, n), bias (n) or NULL. */
static void NAME(small_nt)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                           ptrdiff_t ldb, const REAL *bias, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    REAL turned[MEDIUM * STRIPE];
    if (k > (m < MANY ? SHALLOW : MEDIUM)) {
        NAME(dot_product)(C, ldc, A, lda, B, ldb, bias, m, n, k);
        return;
    }
    for (ptrdiff_t j = 0; j < n; j += STRIPE) {
        ptrdiff_t width = n - j < STRIPE ? n - j : STRIPE;
        NAME(copy_turned)(turned, STRIPE, B + j * ldb, ldb, width, k);
        NAME(small_nn)(C + j, ldc, A, lda, turned, STRIPE, bias ? bias + j : NULL, m, width, k);
    }
}

#undef MANY
#undef MEDIUM
#undef STRIPE
#undef SHALLOW

#include "panels.h"

#if ISA_LEVEL == 2 && REAL_BITS == 32 /* elsewhere BLAS is as fast or faster */
#include "packed_products.h"
#endif

#undef UNROLL
#undef INLINE
#undef VECTOR
#undef DOT_ROWS
#undef DOT_COLS
#undef RANK_ROWS
#undef RANK_WIDTH

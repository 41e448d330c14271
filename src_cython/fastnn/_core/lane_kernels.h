/* A narrow network's passes with rows of the mini-batch as the lanes of vectors.
 *
 * Included once per instruction set and number type: see each_isa.h. Blocks are feature by feature:
 * (n, width), with one column a row of the mini-batch; `width` is a multiple of LANES, so that
 * there are whole vectors only. Numbers of one column never meet those of another but in the sums
 * over all rows, whose lanes are added up at the end of the mini-batch.
 */
#include "vector_math.h"

#include "lane_turning.h"

/* A tile of sums that the registers hold: of so many rows, and vectors or rows of the other. */
#if ISA_LEVEL == 2
#define TILE_ROWS 5
#define TILE_WIDTH 4
#elif ISA_LEVEL == 1
#define TILE_ROWS 4
#define TILE_WIDTH 2
#else
#define TILE_ROWS 3
#define TILE_WIDTH 2
#endif

/* Whole vectors wherever they lie. */
#ifdef FASTNN_HAVE_VECTORS
typedef REAL NAME(lanes) __attribute__((vector_size(LANES * sizeof(REAL)), aligned(sizeof(REAL)),
                                        may_alias));
#else
typedef REAL NAME(lanes);
#endif
#define AT(place) ((VECTOR) * (const NAME(lanes) *)(place))
#define SET(place, x) (*(NAME(lanes) *)(place) = (x))

/* f(rows, width) with the numbers as constants, from 1 to TILE_ROWS and TILE_WIDTH. */
#if TILE_WIDTH == 4
#define BY_WIDTH(f, rows, width) \
    ((width) == 4 ? f(rows, 4) : (width) == 3 ? f(rows, 3) : (width) == 2 ? f(rows, 2) : f(rows, 1))
#else
#define BY_WIDTH(f, rows, width) ((width) == 2 ? f(rows, 2) : f(rows, 1))
#endif
#if TILE_ROWS == 5
#define BY_SIZE(f, rows, width) \
    ((rows) == 5 ? BY_WIDTH(f, 5, width) : (rows) == 4 ? BY_WIDTH(f, 4, width) \
     : (rows) == 3 ? BY_WIDTH(f, 3, width) : (rows) == 2 ? BY_WIDTH(f, 2, width) \
     : BY_WIDTH(f, 1, width))
#elif TILE_ROWS == 4
#define BY_SIZE(f, rows, width) \
    ((rows) == 4 ? BY_WIDTH(f, 4, width) : (rows) == 3 ? BY_WIDTH(f, 3, width) \
     : (rows) == 2 ? BY_WIDTH(f, 2, width) : BY_WIDTH(f, 1, width))
#else
#define BY_SIZE(f, rows, width) \
    ((rows) == 3 ? BY_WIDTH(f, 3, width) : (rows) == 2 ? BY_WIDTH(f, 2, width) \
     : BY_WIDTH(f, 1, width))
#endif
#define AT_MOST(count, most) ((int)((count) < (most) ? (count) : (most)))

/* `rows` rows and `width` vectors of out := start + F inp, with F's factor of row i and depth p at
 * factors[i * across + p * along]. Of what comes out negative numbers become 0 if `cut`, and all
 * where `act` is not above 0, if it is not NULL. */
INLINE void NAME(product_tile)(REAL *out, const REAL *factors, ptrdiff_t across, ptrdiff_t along,
                               const REAL *start, const REAL *inp, const REAL *act, ptrdiff_t depth,
                               ptrdiff_t distance, int cut, const int rows, const int width)
{
    VECTOR sums[TILE_ROWS][TILE_WIDTH];
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int v = 0; v < width; v++)
            sums[i][v] = NAME(all)(start ? start[i] : 0);
    for (ptrdiff_t p = 0; p < depth; p++) {
        VECTOR x[TILE_WIDTH];
        UNROLL
        for (int v = 0; v < width; v++)
            x[v] = AT(inp + p * distance + v * LANES);
        UNROLL
        for (int i = 0; i < rows; i++) {
            VECTOR factor = NAME(all)(factors[i * across + p * along]);
            UNROLL
            for (int v = 0; v < width; v++)
                sums[i][v] += factor * x[v];
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int v = 0; v < width; v++) {
            ptrdiff_t place = i * distance + v * LANES;
            if (cut)
                sums[i][v] = SELECT(sums[i][v] < 0, ALL(0), sums[i][v]);
            if (act)
                sums[i][v] = SELECT(AT(act + place) > 0, sums[i][v], ALL(0));
            SET(out + place, sums[i][v]);
        }
}

static void NAME(lane_product)(REAL *out, const REAL *factors, ptrdiff_t across, ptrdiff_t along,
                               const REAL *start, const REAL *inp, const REAL *act, ptrdiff_t n,
                               ptrdiff_t depth, ptrdiff_t distance, int cut)
{
    for (ptrdiff_t i = 0; i < n; i += TILE_ROWS)
        for (ptrdiff_t j = 0; j < distance; j += TILE_WIDTH * LANES) {
            int rows = AT_MOST(n - i, TILE_ROWS);
            int width = AT_MOST((distance - j) / LANES, TILE_WIDTH);
            const REAL *from = start ? start + i : NULL;
            const REAL *limit = act ? act + i * distance + j : NULL;
#define TILE(rows, width) \
    NAME(product_tile)(out + i * distance + j, factors + i * across, across, along, from, \
                       inp + j, limit, depth, distance, cut, rows, width)
            BY_SIZE(TILE, rows, width);
#undef TILE
        }
}

/* sums[i, j] += delta_i inp_j, lane by lane, over the block; := if it is the first one. */
INLINE void NAME(gradient_tile)(REAL *sums, ptrdiff_t n_in, const REAL *delta, const REAL *inp,
                                ptrdiff_t width, int first, const int rows, const int columns)
{
    VECTOR totals[TILE_ROWS][TILE_WIDTH];
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < columns; j++)
            totals[i][j] = first ? ALL(0) : AT(sums + (i * n_in + j) * LANES);
    for (ptrdiff_t at = 0; at < width; at += LANES) {
        VECTOR x[TILE_WIDTH];
        UNROLL
        for (int j = 0; j < columns; j++)
            x[j] = AT(inp + j * width + at);
        UNROLL
        for (int i = 0; i < rows; i++) {
            VECTOR d = AT(delta + i * width + at);
            UNROLL
            for (int j = 0; j < columns; j++)
                totals[i][j] += d * x[j];
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < columns; j++)
            SET(sums + (i * n_in + j) * LANES, totals[i][j]);
}

/* The sums of the weights (n_out, n_in) and of the biases (n_out), which are in `sums`, a vector
 * for each number, where they are in the parameters. */
static void NAME(lane_gradient)(REAL *sums, ptrdiff_t weights_at, ptrdiff_t biases_at,
                                const REAL *delta, const REAL *inp, ptrdiff_t n_out,
                                ptrdiff_t n_in, ptrdiff_t width, int first)
{
    REAL *weights = sums + weights_at * LANES, *biases = sums + biases_at * LANES;
    for (ptrdiff_t i = 0; i < n_out; i += TILE_ROWS)
        for (ptrdiff_t j = 0; j < n_in; j += TILE_WIDTH) {
            int rows = AT_MOST(n_out - i, TILE_ROWS), columns = AT_MOST(n_in - j, TILE_WIDTH);
#define TILE(rows, columns) \
    NAME(gradient_tile)(weights + (i * n_in + j) * LANES, n_in, delta + i * width, \
                        inp + j * width, width, first, rows, columns)
            BY_SIZE(TILE, rows, columns);
#undef TILE
        }
    for (ptrdiff_t i = 0; i < n_out; i++) {
        VECTOR even = first ? ALL(0) : AT(biases + i * LANES), odd = ALL(0);
        ptrdiff_t at = 0;
        for (; at + 2 * LANES <= width; at += 2 * LANES) {
            even += AT(delta + i * width + at);
            odd += AT(delta + i * width + at + LANES);
        }
        if (at < width)
            even += AT(delta + i * width + at);
        SET(biases + i * LANES, even + odd);
    }
}

#if ISA_LEVEL > 0
#define HALF PICK(__m256d, __m256)
#define LOAD_HALF PICK(_mm256_loadu_pd, _mm256_loadu_ps)
#define ADD_HALVES PICK(_mm256_add_pd, _mm256_add_ps)
#define ADD_PAIRS PICK(_mm256_hadd_pd, _mm256_hadd_ps)
/* A vector, or if it has 64 bytes the sum of its halves. */
INLINE HALF NAME(folded)(const REAL *sums)
{
    HALF half = LOAD_HALF(sums);
    return LANES * sizeof(REAL) == 32 ? half
                                      : ADD_HALVES(half, LOAD_HALF(sums + (LANES - 32 / sizeof(REAL))));
}

/* totals := scale times the sums of four vectors' lanes */
INLINE void NAME(totals_of_four)(REAL *totals, const REAL *sums, REAL scale)
{
    HALF ab = ADD_PAIRS(NAME(folded)(sums), NAME(folded)(sums + LANES));
    HALF cd = ADD_PAIRS(NAME(folded)(sums + 2 * LANES), NAME(folded)(sums + 3 * LANES));
#if REAL_BITS == 64
    HALF four = ADD_HALVES(_mm256_permute2f128_pd(ab, cd, 0x20),
                           _mm256_permute2f128_pd(ab, cd, 0x31));
    _mm256_storeu_pd(totals, four * scale);
#else
    HALF eight = ADD_PAIRS(ab, cd);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    _mm_storeu_ps(totals, four * scale);
#endif
}
#undef HALF
#undef LOAD_HALF
#undef ADD_HALVES
#undef ADD_PAIRS
#endif

/* totals[i] := scale times the sum of the lanes of sums[i] */
static void NAME(lane_totals)(REAL *totals, const REAL *sums, ptrdiff_t n, REAL scale)
{
    ptrdiff_t i = 0;
#if ISA_LEVEL > 0
    for (; i + 4 <= n; i += 4)
        NAME(totals_of_four)(totals + i, sums + i * LANES, scale);
#endif
    for (; i < n; i++)
        totals[i] = scale * NAME(sum_of_lanes)(AT(sums + i * LANES));
}

/* Softmax of each column, with the largest taken off first. A NaN may be passed over: its
 * exponential spoils the sum anyway. */
static void NAME(lane_softmax)(REAL *z, ptrdiff_t n, ptrdiff_t width)
{
    for (ptrdiff_t at = 0; at < width; at += LANES) {
        VECTOR top = AT(z + at), sum = ALL(0);
        for (ptrdiff_t j = 1; j < n; j++) {
            VECTOR x = AT(z + j * width + at);
            top = SELECT(x > top, x, top);
        }
        for (ptrdiff_t j = 0; j < n; j++) {
            VECTOR x = AT(z + j * width + at) - top;
            VECTOR e = NAME(bounded_exp)(NAME(at_least)(x, LOWEST_EXP));
            sum += e;
            SET(z + j * width + at, e);
        }
        for (ptrdiff_t j = 0; j < n; j++)
            SET(z + j * width + at, AT(z + j * width + at) / sum);
    }
}

/* delta := a Σ y − y in each column: of log-likelihood with softmax */
static void NAME(lane_softmax_delta)(REAL *delta, const REAL *a, const REAL *y, ptrdiff_t n,
                                     ptrdiff_t width)
{
    for (ptrdiff_t at = 0; at < width; at += LANES) {
        VECTOR total = ALL(0);
        for (ptrdiff_t j = 0; j < n; j++)
            total += AT(y + j * width + at);
        for (ptrdiff_t j = 0; j < n; j++)
            SET(delta + j * width + at,
                AT(a + j * width + at) * total - AT(y + j * width + at));
    }
}

#if REAL_BITS == 64
/* Adds −ln of what they are, the output where y is 1 and one less it where y is 0, at most `largest`
 * and weighted if `weights` is not NULL. Returns 1; or 0 if some y is neither or some a outside of
 * [0, 1], without adding. */
static int NAME(lane_cost_of_labels)(REAL *cost, const REAL *a, const REAL *y, const REAL *weights,
                                     ptrdiff_t size, REAL largest)
{
    VECTOR sum = ALL(0), wrong = ALL(0);
    for (ptrdiff_t i = 0; i < size; i += LANES) {
        VECTOR of_a = NAME(load)(a + i, size - i, 0), of_y = NAME(load)(y + i, size - i, 0);
        VECTOR one = NAME(at_most)(-NAME(log)(NAME(absolute)((1 - of_y) - of_a)), largest);
        wrong += SELECT(of_y * (1 - of_y) == 0, ALL(0), ALL(1));
        wrong += SELECT(of_a >= 0, ALL(0), ALL(1)) + SELECT(of_a <= 1, ALL(0), ALL(1));
        if (weights)
            one *= NAME(load)(weights + i, size - i, 0);
        sum += one;
    }
    if (NAME(sum_of_lanes)(wrong) != 0)
        return 0;
    *cost += NAME(sum_of_lanes)(sum);
    return 1;
}
#endif

#undef AT
#undef SET
#undef BY_WIDTH
#undef BY_SIZE
#undef AT_MOST
#undef TILE_ROWS
#undef TILE_WIDTH
#include "vector_math_end.h"

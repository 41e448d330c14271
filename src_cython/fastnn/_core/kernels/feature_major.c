/* A narrow network's passes in feature-major layout: rows of the mini-batch are the SIMD lanes.
 *
 * Blocks are feature by feature: (n, width), with one column a row of the mini-batch; `width` is a
 * multiple of LANES, so that there are whole vectors only. Numbers of one column never meet those of
 * another but in the sums over all rows, whose lanes are added up at the end of the mini-batch.
 */
#include "kernels/kernels.h"

#ifndef REAL /* ---- once: the table ---- */

#define FOREACH_FILE "kernels/feature_major.c"
#include "simd/foreach_isa.h"

#define TABLE(type, isa) \
    gather_transposed_##type##_##isa, lane_product_##type##_##isa, lane_gradient_##type##_##isa, \
    row_gradient_##type##_##isa, by_rows_##type##_##isa, lane_softmax_##type##_##isa, \
    lane_softmax_delta_##type##_##isa
#define OF_DOUBLE(isa) {TABLE(double, isa), lane_cost_of_labels_double_##isa}
#define OF_FLOAT(isa) {TABLE(float, isa)}
const FeatureMajorDouble fastnn_feature_major_double[] = {FOR_EACH_ISA(OF_DOUBLE)};
const FeatureMajorFloat fastnn_feature_major_float[] = {FOR_EACH_ISA(OF_FLOAT)};

#else /* ---- once for each instruction set and number type ---- */

#include "simd/simd.h"
#include "simd/math.h"
#include "simd/transpose.h"
#if ISA_LEVEL == 3 /* NEON */
#include "neon_tile.h"
#endif

/* Tiles of sums that the registers hold: of a product, so many rows and vectors; of a gradient, so
 * many rows and columns. */
#if ISA_LEVEL >= 2 /* AVX-512, NEON */
#define TILE_ROWS 5
#define TILE_WIDTH 4
#elif ISA_LEVEL == 1
#define TILE_ROWS 6
#define TILE_WIDTH 2
#else
#define TILE_ROWS 3
#define TILE_WIDTH 2
#endif
#if ISA_LEVEL == 2 || ISA_LEVEL == 1 /* whole vectors of sums */
#define SUMS_ROWS PICK(LANES / 2, LANES / 4)
#define SUMS_COLUMNS 4
#else
#define SUMS_ROWS TILE_ROWS
#define SUMS_COLUMNS TILE_WIDTH
#endif

/* Vectors of sums that are added to at the same time, or each addition would wait for the last. Of
 * layers with so few that twice as many are no more, each is the sum of two: all of a layer alike, for
 * neurons that are equal stay so. */
#define SUMS_AT_ONCE (ISA_LEVEL == 2 ? 16 : ISA_LEVEL == 3 ? 0 : 8)

/* f(rows, width) with the numbers as constants: of at most so many rows and so great a width. */
#define ONE_WIDTH(f, rows, _) f(rows, 0)
#define WIDTH_TO_2(f, rows, width) ((width) == 2 ? f(rows, 2) : f(rows, 1))
#define WIDTH_TO_4(f, rows, width) \
    ((width) == 4 ? f(rows, 4) : (width) == 3 ? f(rows, 3) : WIDTH_TO_2(f, rows, width))
#define ROWS_TO_2(to_width, f, rows, width) \
    ((rows) == 2 ? to_width(f, 2, width) : to_width(f, 1, width))
#define ROWS_TO_3(to_width, f, rows, width) \
    ((rows) == 3 ? to_width(f, 3, width) : ROWS_TO_2(to_width, f, rows, width))
#define ROWS_TO_4(to_width, f, rows, width) \
    ((rows) == 4 ? to_width(f, 4, width) : ROWS_TO_3(to_width, f, rows, width))
#define ROWS_TO_5(to_width, f, rows, width) \
    ((rows) == 5 ? to_width(f, 5, width) : ROWS_TO_4(to_width, f, rows, width))
#define ROWS_TO_6(to_width, f, rows, width) \
    ((rows) == 6 ? to_width(f, 6, width) : ROWS_TO_5(to_width, f, rows, width))
#if ISA_LEVEL == 3
#define PRODUCT_BY_WIDTH WIDTH_TO_4
#define PRODUCT_BY_ROWS ROWS_TO_5
#define SUMS_BY_SIZE(f, rows, width) ROWS_TO_5(WIDTH_TO_4, f, rows, width)
#elif ISA_LEVEL == 2
#define PRODUCT_BY_WIDTH WIDTH_TO_4
#define PRODUCT_BY_ROWS ROWS_TO_5
#define SUMS_BY_SIZE(f, rows, width) ROWS_TO_4(WIDTH_TO_4, f, rows, width)
#elif ISA_LEVEL == 1
#define PRODUCT_BY_WIDTH WIDTH_TO_2
#define PRODUCT_BY_ROWS ROWS_TO_6
#define SUMS_BY_SIZE(f, rows, width) ROWS_TO_2(WIDTH_TO_4, f, rows, width)
#else
#define PRODUCT_BY_WIDTH WIDTH_TO_2
#define PRODUCT_BY_ROWS ROWS_TO_3
#define SUMS_BY_SIZE(f, rows, width) ROWS_TO_3(WIDTH_TO_2, f, rows, width)
#endif
#define AT_MOST(count, most) ((int)((count) < (most) ? (count) : (most)))

/* `rows` rows and `width` vectors of out := start + F inp, with F's factor of row i and depth p at
 * factors[i * across + p * along]. What comes out is at least `least`, and 0 where `act` is not above
 * 0, if it is not NULL. */
INLINE void NAME(product_tile)(REAL *out, const REAL *factors, ptrdiff_t across, ptrdiff_t along,
                               const REAL *start, const REAL *inp, const REAL *act, ptrdiff_t depth,
                               ptrdiff_t distance, Vec least, const int rows, const int width)
{
    Vec sums[TILE_ROWS][TILE_WIDTH];
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int v = 0; v < width; v++)
            sums[i][v] = Set(start[i]);
    for (ptrdiff_t p = 0; p < depth; p++) {
        Vec x[TILE_WIDTH];
        UNROLL
        for (int v = 0; v < width; v++)
            x[v] = Load(inp + p * distance + v * LANES);
        UNROLL
        for (int i = 0; i < rows; i++) {
            Vec factor = Set(factors[i * across + p * along]);
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
            sums[i][v] = Max(least, sums[i][v]); /* a NaN stays one */
            if (act)
                sums[i][v] = IfThenElse(Load(act + place) > 0, sums[i][v], Zero());
            Store(sums[i][v], out + place);
        }
}

/* All columns of `rows` rows. */
INLINE void NAME(product_strip)(REAL *out, const REAL *factors, ptrdiff_t across, ptrdiff_t along,
                                const REAL *start, const REAL *inp, const REAL *act,
                                ptrdiff_t depth, ptrdiff_t distance, Vec least, const int rows)
{
    ptrdiff_t j = 0;
#define TILE(rows, width) \
    NAME(product_tile)(out + j, factors, across, along, start, inp + j, act ? act + j : NULL, depth, \
                       distance, least, rows, width)
    for (; j + TILE_WIDTH * LANES <= distance; j += TILE_WIDTH * LANES)
        TILE(rows, TILE_WIDTH);
    if (j < distance)
        PRODUCT_BY_WIDTH(TILE, rows, (int)((distance - j) / LANES));
#undef TILE
}

/* out (n, distance) := start + F inp, with negative numbers cut off if `cut`; see the tile. */
static void NAME(lane_product)(REAL *out, const REAL *factors, ptrdiff_t across, ptrdiff_t along,
                               const REAL *start, const REAL *inp, const REAL *act, ptrdiff_t n,
                               ptrdiff_t depth, ptrdiff_t distance, int cut)
{
    static const REAL zeros[TILE_ROWS];
    const Vec least = Set(cut ? 0 : -INFINITY);
    for (ptrdiff_t i = 0; i < n; i += TILE_ROWS) {
        const REAL *from = start ? start + i : zeros, *limit = act ? act + i * distance : NULL;
#define STRIP(rows, _) \
    NAME(product_strip)(out + i * distance, factors + i * across, across, along, from, inp, limit, \
                        depth, distance, least, rows)
        PRODUCT_BY_ROWS(ONE_WIDTH, STRIP, AT_MOST(n - i, TILE_ROWS), 0);
#undef STRIP
    }
}

/* Where the sums of a block's gradients go: they are kept lane by lane for the blocks that follow, or
 * after the last one added up, `scale` times each, into the gradient. */
typedef struct {
    REAL *lanes;
    REAL *gradient; /* NULL: others follow */
    REAL scale;
    int first; /* whether no block came before */
    int twice; /* whether each is the sum of two */
} NAME(Sums);

/* to[i * n_in + j] := scale times the sum of the lanes of totals[i][j]. */
INLINE void NAME(store_tile_sums)(REAL *to, ptrdiff_t n_in, Vec totals[SUMS_ROWS][SUMS_COLUMNS],
                                  REAL scale, const int rows, const int columns)
{
    REAL sums[SUMS_ROWS * 4];
    const int last = columns - 1;
#if ISA_LEVEL == 1 || ISA_LEVEL == 2
    if (rows > 1 || LANES == 4) { /* or most of them would be sums of the same */
        Vec all[SUMS_ROWS * 4];
        UNROLL
        for (int k = 0; k < SUMS_ROWS * 4; k++)
            all[k] = totals[k / 4 < rows ? k / 4 : rows - 1][k % 4 < last ? k % 4 : last];
        UNROLL
        for (int k = 0; k < rows * 4; k += LANES)
            Store(scale * NAME(sums_by_lane)(all + k), sums + k);
    } else
#endif
        UNROLL
    for (int i = 0; i < rows; i++) {
        NAME(four) four = NAME(sums_of_4)(totals[i][0], totals[i][1 < last ? 1 : last],
                                          totals[i][2 < last ? 2 : last], totals[i][last]);
        memcpy(sums + 4 * i, &four, sizeof four);
        for (int j = 0; j < 4; j++)
            sums[4 * i + j] *= scale;
    }
    UNROLL
    for (int i = 0; i < rows; i++)
        memcpy(to + i * n_in, sums + 4 * i, columns * sizeof(REAL));
}

/* totals[i][j] += delta_i inp_j of one vector of rows. */
INLINE void NAME(add_products)(Vec totals[SUMS_ROWS][SUMS_COLUMNS], const REAL *delta,
                               const REAL *inp, ptrdiff_t width, const int rows, const int columns)
{
    Vec x[SUMS_COLUMNS];
    UNROLL
    for (int j = 0; j < columns; j++)
        x[j] = Load(inp + j * width);
    UNROLL
    for (int i = 0; i < rows; i++) {
        Vec d = Load(delta + i * width);
        UNROLL
        for (int j = 0; j < columns; j++)
            totals[i][j] += d * x[j];
    }
}

/* sums[i, j] += delta_i inp_j over the block, from number `at` on. */
INLINE void NAME(gradient_tile)(const NAME(Sums) *sums, ptrdiff_t at, ptrdiff_t n_in,
                                const REAL *delta, const REAL *inp, ptrdiff_t width,
                                const int rows, const int columns)
{
    Vec totals[SUMS_ROWS][SUMS_COLUMNS], others[SUMS_ROWS][SUMS_COLUMNS];
    ptrdiff_t row = 0;
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < columns; j++)
            totals[i][j] = sums->first ? Zero() : Load(sums->lanes + (at + i * n_in + j) * LANES);
#if ISA_LEVEL == 3 /* NEON */
    row = NAME(neon_dots)(totals[0], TILE_WIDTH, delta, width, inp, width, width, rows, columns);
#endif
    if (2 * rows * columns <= SUMS_AT_ONCE && sums->twice) {
        UNROLL
        for (int k = 0; k < rows * columns; k++)
            others[k / columns][k % columns] = Zero();
        for (; row + 2 * LANES <= width; row += 2 * LANES) {
            NAME(add_products)(totals, delta + row, inp + row, width, rows, columns);
            NAME(add_products)(others, delta + row + LANES, inp + row + LANES, width, rows, columns);
        }
        UNROLL
        for (int k = 0; k < rows * columns; k++)
            totals[k / columns][k % columns] += others[k / columns][k % columns];
    }
    for (; row < width; row += LANES)
        NAME(add_products)(totals, delta + row, inp + row, width, rows, columns);
    if (sums->gradient) {
        NAME(store_tile_sums)(sums->gradient + at, n_in, totals, sums->scale, rows, columns);
        return;
    }
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < columns; j++)
            Store(totals[i][j], sums->lanes + (at + i * n_in + j) * LANES);
}

/* sums[i] += delta_i of `count` biases, from number `at` on. */
INLINE void NAME(bias_tile)(const NAME(Sums) *sums, ptrdiff_t at, const REAL *delta, ptrdiff_t width,
                            const int count)
{
    Vec totals[SUMS_ROWS][SUMS_COLUMNS], odd[SUMS_COLUMNS];
    ptrdiff_t row = 0;
    UNROLL
    for (int i = 0; i < count; i++) {
        totals[0][i] = sums->first ? Zero() : Load(sums->lanes + (at + i) * LANES);
        odd[i] = Zero();
    }
    for (; row + 2 * LANES <= width; row += 2 * LANES)
        UNROLL
        for (int i = 0; i < count; i++) {
            totals[0][i] += Load(delta + i * width + row);
            odd[i] += Load(delta + i * width + row + LANES);
        }
    UNROLL
    for (int i = 0; i < count; i++) {
        if (row < width)
            totals[0][i] += Load(delta + i * width + row);
        totals[0][i] += odd[i];
        if (!sums->gradient)
            Store(totals[0][i], sums->lanes + (at + i) * LANES);
    }
    if (sums->gradient)
        NAME(store_tile_sums)(sums->gradient + at, 0, totals, sums->scale, 1, count);
}

/* The gradients of biases, which stand from number `at` on. */
static void NAME(bias_gradient)(const NAME(Sums) *sums, ptrdiff_t at, const REAL *delta,
                                ptrdiff_t n_out, ptrdiff_t width)
{
    for (ptrdiff_t i = 0; i < n_out; i += SUMS_COLUMNS) {
#define TILE(_, count) NAME(bias_tile)(sums, at + i, delta + i * width, width, count)
        SUMS_BY_SIZE(TILE, 1, AT_MOST(n_out - i, SUMS_COLUMNS));
#undef TILE
    }
}

/* The sums of the weights (n_out, n_in) and of the biases (n_out), which are where they are in the
 * parameters; in `lanes` a vector for each number. */
static void NAME(lane_gradient)(REAL *lanes, REAL *gradient, REAL scale, ptrdiff_t weights_at,
                                ptrdiff_t biases_at, const REAL *delta, const REAL *inp,
                                ptrdiff_t n_out, ptrdiff_t n_in, ptrdiff_t width, int first)
{
    const int largest = AT_MOST(n_out, SUMS_ROWS) * AT_MOST(n_in, SUMS_COLUMNS);
    const NAME(Sums) sums = {lanes, gradient, scale, first, 2 * largest <= SUMS_AT_ONCE};
    for (ptrdiff_t i = 0; i < n_out; i += SUMS_ROWS)
        for (ptrdiff_t j = 0; j < n_in; j += SUMS_COLUMNS) {
            int rows = AT_MOST(n_out - i, SUMS_ROWS), columns = AT_MOST(n_in - j, SUMS_COLUMNS);
#define TILE(rows, columns) \
    NAME(gradient_tile)(&sums, weights_at + i * n_in + j, n_in, delta + i * width, inp + j * width, \
                        width, rows, columns)
            SUMS_BY_SIZE(TILE, rows, columns);
#undef TILE
        }
    NAME(bias_gradient)(&sums, biases_at, delta, n_out, width);
}

/* Tiles of a gradient by rows as they are, (m, n_in): so many neurons, and vectors of inputs. */
#define ROW_NEURONS (ISA_LEVEL == 2 ? 8 : 4)
#define ROW_VECTORS 3

INLINE Vec NAME(load_some)(const REAL *from, ptrdiff_t count, int whole)
{
    return whole ? Load(from) : LoadN(from, count);
}

/* to_ij := scale (before_ij + Σ_r delta_ir x_rj), in the order of r, for `vectors` of j, of which the
 * last has `tail` numbers, all of them if `whole` (which AVX-512's masks need not know). */
INLINE void NAME(row_tile)(REAL *to, const REAL *before, REAL scale, const REAL *delta,
                           ptrdiff_t width, const REAL *rows, const ptrdiff_t *order, ptrdiff_t n_in,
                           ptrdiff_t m, ptrdiff_t tail, const int whole, const int neurons,
                           const int vectors)
{
    Vec totals[8][ROW_VECTORS];
    const int last = vectors - 1;
    UNROLL
    for (int i = 0; i < neurons; i++)
        UNROLL
        for (int v = 0; v < vectors; v++)
            totals[i][v] = before ? NAME(load_some)(before + i * n_in + v * LANES, tail,
                                                    whole || v < last) : Zero();
    for (ptrdiff_t r = 0; r < m; r++) {
        const REAL *row = rows + (order ? order[r] : r) * n_in;
        Vec x[ROW_VECTORS];
        UNROLL
        for (int v = 0; v < vectors; v++)
            x[v] = NAME(load_some)(row + v * LANES, tail, whole || v < last);
        UNROLL
        for (int i = 0; i < neurons; i++) {
            Vec d = Set(delta[i * width + r]);
            UNROLL
            for (int v = 0; v < vectors; v++)
                totals[i][v] += d * x[v];
        }
    }
    UNROLL
    for (int i = 0; i < neurons; i++)
        UNROLL
        for (int v = 0; v < vectors; v++)
            StoreN(scale * totals[i][v], to + i * n_in + v * LANES,
                   whole || v < last ? LANES : tail);
}

/* The sums of the weights (n_out, n_in), from rows that need not be transposed: row r of m is at
 * rows + order[r] * n_in, or r * n_in without an order; `before`, if it is not NULL, is added. */
static void NAME(row_gradient)(REAL *to, const REAL *before, REAL scale, const REAL *delta,
                               ptrdiff_t width, const REAL *rows, const ptrdiff_t *order,
                               ptrdiff_t n_out, ptrdiff_t n_in, ptrdiff_t m)
{
    for (ptrdiff_t j = 0; j < n_in; j += ROW_VECTORS * LANES) {
        int vectors = AT_MOST((n_in - j - 1) / LANES + 1, ROW_VECTORS);
        ptrdiff_t tail = AT_MOST(n_in - j - (vectors - 1) * LANES, LANES);
        for (ptrdiff_t i = 0; i < n_out;) {
            ptrdiff_t left = n_out - i, at = i * n_in + j;
#define TILE(whole, neurons, vectors) \
    (NAME(row_tile)(to + at, before ? before + at : NULL, scale, delta + i * width, width, rows + j, \
                    order, n_in, m, tail, whole, neurons, vectors), i += neurons)
#define BY_TAIL(neurons, vectors) \
    (ISA_LEVEL == 2 || tail < LANES ? TILE(0, neurons, vectors) : TILE(1, neurons, vectors))
#define BY_VECTORS(neurons) \
    (vectors == 3 ? BY_TAIL(neurons, 3) \
     : vectors == 2 ? BY_TAIL(neurons, 2) : BY_TAIL(neurons, 1))
            if (left >= ROW_NEURONS)
                BY_VECTORS(ROW_NEURONS);
            else if (left >= 2)
                BY_VECTORS(2);
            else
                BY_VECTORS(1);
#undef TILE
#undef BY_TAIL
#undef BY_VECTORS
        }
    }
}

/* Whether that is faster than by lanes, for so many rows: measured on shapes from 16 x 8 to 32 x 30.
 * By rows a multiplication takes 0.6 cycles; by lanes 0.5, and a sum of lanes 1.6. */
static int NAME(by_rows)(ptrdiff_t n_in, ptrdiff_t m)
{
    return 6 * m * ((n_in - 1) / LANES + 1) < n_in * (5 * m / LANES + 16);
}

/* Softmax of each column, with the largest taken off first. A NaN may be passed over: its
 * exponential spoils the sum anyway. */
static void NAME(lane_softmax)(REAL *z, ptrdiff_t n, ptrdiff_t width)
{
    for (ptrdiff_t at = 0; at < width; at += LANES) {
        Vec top = Load(z + at), sum = Zero();
        for (ptrdiff_t j = 1; j < n; j++) {
            Vec x = Load(z + j * width + at);
            top = IfThenElse(x > top, x, top);
        }
        for (ptrdiff_t j = 0; j < n; j++) {
            Vec x = Load(z + j * width + at) - top;
            Vec e = NAME(bounded_exp)(ClampBelow(x, LOWEST_EXP));
            sum += e;
            Store(e, z + j * width + at);
        }
        for (ptrdiff_t j = 0; j < n; j++)
            Store(Load(z + j * width + at) / sum, z + j * width + at);
    }
}

/* delta := a Σ y − y in each column: of log-likelihood with softmax */
static void NAME(lane_softmax_delta)(REAL *delta, const REAL *a, const REAL *y, ptrdiff_t n,
                                     ptrdiff_t width)
{
    for (ptrdiff_t at = 0; at < width; at += LANES) {
        Vec total = Zero();
        for (ptrdiff_t j = 0; j < n; j++)
            total += Load(y + j * width + at);
        for (ptrdiff_t j = 0; j < n; j++)
            Store(Load(a + j * width + at) * total - Load(y + j * width + at), delta + j * width + at);
    }
}

#if REAL_BITS == 64
/* Adds −ln of what they are, the output where y is 1 and one less it where y is 0, at most `largest`
 * and weighted if `weights` is not NULL. Returns 1; or 0 if some y is neither or some a outside of
 * [0, 1], without adding. */
static int NAME(lane_cost_of_labels)(REAL *cost, const REAL *a, const REAL *y, const REAL *weights,
                                     ptrdiff_t size, REAL largest)
{
    Vec sum = Zero(), wrong = Zero();
    for (ptrdiff_t i = 0; i < size; i += LANES) {
        Vec of_a = LoadNOr(0, a + i, size - i), of_y = LoadNOr(0, y + i, size - i);
        Vec one = ClampAbove(-NAME(log)(Abs((1 - of_y) - of_a)), largest);
        wrong += IfThenElse(of_y * (1 - of_y) == 0, Zero(), Set(1));
        wrong += IfThenElse(of_a >= 0, Zero(), Set(1)) + IfThenElse(of_a <= 1, Zero(), Set(1));
        if (weights)
            one *= LoadNOr(0, weights + i, size - i);
        sum += one;
    }
    if (SumOfLanes(wrong) != 0)
        return 0;
    *cost += SumOfLanes(sum);
    return 1;
}
#endif

#undef ONE_WIDTH
#undef PRODUCT_BY_WIDTH
#undef PRODUCT_BY_ROWS
#undef SUMS_BY_SIZE
#undef SUMS_AT_ONCE
#undef SUMS_ROWS
#undef SUMS_COLUMNS
#undef ROW_NEURONS
#undef ROW_VECTORS
#undef AT_MOST
#undef TILE_ROWS
#undef TILE_WIDTH

#endif

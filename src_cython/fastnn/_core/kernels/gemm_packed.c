/* Products of large matrices, for AVX2 and AVX-512.
 *
 * The factors are packed into panels that a tile reads from end to end, so that neither the length
 * of a row nor the pages it lies on matter; while one panel is multiplied, the next is prefetched.
 * Every number is summed in blocks of depth that depend on the depth k alone, so that a matrix may
 * be computed in any parts.
 */
#include "kernels/kernels.h"

#ifndef REAL /* ---- once: the table ---- */

#define FOREACH_FILE "kernels/gemm_packed.c"
#include "simd/foreach_isa.h"

#ifdef FASTNN_X86 /* base has none: BLAS is as fast there */
#define TABLE(type, isa) {packed_nt_##type##_##isa, packed_tn_##type##_##isa, packed_nn_##type##_##isa}
const GemmPackedDouble fastnn_gemm_packed_double[] = {{NULL}, TABLE(double, v3), TABLE(double, v4)};
const GemmPackedFloat fastnn_gemm_packed_float[] = {{NULL}, TABLE(float, v3), TABLE(float, v4)};
#else /* base, and NEON where there is */
const GemmPackedDouble fastnn_gemm_packed_double[] = {{NULL}, {NULL}};
const GemmPackedFloat fastnn_gemm_packed_float[] = {{NULL}, {NULL}};
#endif

#else /* ---- once for each instruction set and number type ---- */

#if ISA_LEVEL == 1 || ISA_LEVEL == 2
#include "runtime/panels.h"
#include "simd/simd.h"
#include "simd/transpose.h"
#include "gemm_tile.h"

#define TILE_ROWS (ISA_LEVEL == 2 ? 8 : 4)
#define TILE_WIDTH 3 /* vectors: with the rows, 24 sums and 3 factors of 32 registers; 12 of 16 */
#define TILE_COLS (TILE_WIDTH * LANES)
#define DEPTH 256     /* at most so much at a time: a panel of B then fits the first cache */
#define HIGH PICK(128, 256) /* rows of A at a time: with them, half of a small second cache */
#define WIDE 1024     /* columns of C at a time: they are visited once per block of depth */
#define STEPS 4       /* between two prefetched lines */
#define SLAB 8        /* rows that are copied at a time: their lines stay in the first cache */
/* From panel to panel of A; not a power of two, or all panels would meet in one set of the cache. */
#define PANEL (DEPTH * TILE_ROWS + 16)

/* Panels of A, panels of B. */
typedef struct {
    REAL a[HIGH / TILE_ROWS * PANEL];
    REAL b[DEPTH * TILE_COLS];
} NAME(panels);
_Static_assert(sizeof(NAME(panels)) <= FASTNN_PANELS, "room for the panels");

/* What to prefetch: rows of the next panel of B. */
typedef struct {
    const char *at, *end; /* in its first row */
    ptrdiff_t bytes, stride, rows;
    ptrdiff_t per_tile; /* lines to prefetch in each */
} NAME(PanelPrefetch);

INLINE void NAME(prefetch_line)(NAME(PanelPrefetch) *prefetch)
{
    if (prefetch->rows == 0)
        return;
    __builtin_prefetch(prefetch->at, 0, 2);
    prefetch->at += FASTNN_LINE;
    if (prefetch->at >= prefetch->end) {
        prefetch->at = prefetch->end - prefetch->bytes + prefetch->stride;
        prefetch->end += prefetch->stride;
        prefetch->rows--;
    }
}

/* to[r * step + c] := from[r * ld + c], for r below rows and c below cols. */
INLINE void NAME(copy)(REAL *to, ptrdiff_t step, const REAL *from, ptrdiff_t ld, ptrdiff_t rows,
                       ptrdiff_t cols)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        memcpy(to + r * step, from + r * ld, (size_t)cols * sizeof(REAL));
}

/* Copy `high` rows and `depth` factors of each into panels of TILE_ROWS rows; `down` as for
 * rank_tile. */
INLINE void NAME(pack_a)(REAL *to, const REAL *A, ptrdiff_t lda, ptrdiff_t high, ptrdiff_t depth,
                         const int down)
{
    ptrdiff_t last = high % TILE_ROWS;
    if (!down) {
        for (ptrdiff_t i = 0; i < high; i += TILE_ROWS)
            NAME(copy_transposed)(to + i / TILE_ROWS * PANEL, TILE_ROWS, A + i * lda, lda,
                              high - i < TILE_ROWS ? last : TILE_ROWS, depth);
        return;
    }
    for (ptrdiff_t p = 0; p < depth; p += SLAB) {
        ptrdiff_t rows = depth - p < SLAB ? depth - p : SLAB, i = 0;
        REAL *at = to + p * TILE_ROWS;
        for (; i + TILE_ROWS <= high; i += TILE_ROWS, at += PANEL)
            NAME(copy)(at, TILE_ROWS, A + p * lda + i, lda, rows, TILE_ROWS);
        if (last)
            NAME(copy)(at, TILE_ROWS, A + p * lda + i, lda, rows, last);
    }
}

/* What a block of C is made of. */
typedef struct {
    REAL *C;
    ptrdiff_t ldc, high, depth;
    const REAL *start;
    REAL alpha, beta;
    NAME(panels) *panels;
} NAME(block);

/* One step of depth; the row of B is copied to `to`, if it is not NULL. */
INLINE void NAME(tile_step)(Vec sums[TILE_ROWS][TILE_WIDTH], const REAL *A, const REAL *B,
                            REAL *to, const int width)
{
    Vec b[TILE_WIDTH];
    UNROLL
    for (int v = 0; v < width; v++) {
        b[v] = Load(B + v * LANES);
        if (to)
            Store(b[v], to + v * LANES);
    }
    UNROLL
    for (int i = 0; i < TILE_ROWS; i++)
        UNROLL
        for (int v = 0; v < width; v++)
            sums[i][v] += A[i] * b[v];
}

/* `rows` rows of C := alpha sums + beta C, without looking at C if not `added`: it may hold
 * anything then, NaN too. */
INLINE void NAME(store_tile)(const NAME(block) *of, REAL *C, Vec sums[TILE_ROWS][TILE_WIDTH],
                             int rows, const int width, int part, const int added)
{
    UNROLL
    for (int r = 0; r < TILE_ROWS; r++) { /* a bound that is known, or the sums leave registers */
        if (r >= rows)
            continue; /* by `return`, clang would keep the loop, and the sums in memory */
        UNROLL
        for (int v = 0; v < width; v++) {
            REAL *row = C + r * of->ldc;
            Vec sum = of->alpha * sums[r][v];
            if (added)
                sum = MulAdd(Set(of->beta), NAME(load_of_row)(row, v, width, part), sum);
            if (part && v == width - 1)
                StoreN(sum, row + v * LANES, part);
            else
                Store(sum, row + v * LANES);
        }
    }
}

/* Rows of C from `i` on: as many as a panel has, `width` vectors of columns. B's rows are `ldb`
 * apart, and become the panel `to` on the way if it is not NULL. */
INLINE void NAME(packed_tile)(const NAME(block) *of, ptrdiff_t i, const REAL *B, ptrdiff_t ldb,
                              REAL *to, const int width, int part, NAME(PanelPrefetch) *prefetch)
{
    const REAL *A = of->panels->a + i / TILE_ROWS * PANEL;
    Vec sums[TILE_ROWS][TILE_WIDTH];
    NAME(PanelPrefetch) next = *prefetch;
    ptrdiff_t lines = next.per_tile, p = 0;
    int rows = of->high - i < TILE_ROWS ? (int)(of->high - i) : TILE_ROWS;
    REAL *C = of->C + i * of->ldc;
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < width; v++)
            __builtin_prefetch(C + r * of->ldc + v * LANES, 1, 3);
    UNROLL
    for (int v = 0; v < width; v++) {
        Vec first = of->start ? NAME(load_of_row)(of->start, v, width, part) : Zero();
        UNROLL
        for (int r = 0; r < TILE_ROWS; r++)
            sums[r][v] = first;
    }
#define STEP(p) \
    NAME(tile_step)(sums, A + (p) * TILE_ROWS, B + (p) * ldb, to ? to + (p) * TILE_COLS : NULL, width)
    for (; p + STEPS <= of->depth; p += STEPS) {
        if (lines-- > 0)
            NAME(prefetch_line)(&next);
        UNROLL
        for (int step = 0; step < STEPS; step++)
            STEP(p + step);
    }
    for (; p < of->depth; p++)
        STEP(p);
#undef STEP
    *prefetch = next;
    if (of->beta != 0)
        NAME(store_tile)(of, C, sums, rows, width, part, 1);
    else
        NAME(store_tile)(of, C, sums, rows, width, part, 0);
}

/* The first rows of C, which make the panel of B on the way. */
static __attribute__((noinline)) void NAME(first_tile)(const NAME(block) *of, const REAL *B,
                                                       ptrdiff_t ldb, NAME(PanelPrefetch) *prefetch)
{
    NAME(packed_tile)(of, 0, B, ldb, of->panels->b, TILE_WIDTH, 0, prefetch);
}

/* Rows of C from `i` on, of the panel of B. */
static __attribute__((noinline)) void NAME(full_tile)(const NAME(block) *of, ptrdiff_t i,
                                                      NAME(PanelPrefetch) *prefetch)
{
    NAME(packed_tile)(of, i, of->panels->b, TILE_COLS, NULL, TILE_WIDTH, 0, prefetch);
}

/* The same of the last panel, which has fewer columns. */
static __attribute__((noinline)) void NAME(narrow_tile)(const NAME(block) *of, ptrdiff_t i,
                                                        ptrdiff_t width,
                                                        NAME(PanelPrefetch) *prefetch)
{
    int part = (int)(width % LANES);
#define OF_WIDTH(width) \
    NAME(packed_tile)(of, i, of->panels->b, TILE_COLS, NULL, width, part, prefetch)
    if (width > 2 * LANES)
        OF_WIDTH(3);
    else if (width > LANES)
        OF_WIDTH(2);
    else
        OF_WIDTH(1);
#undef OF_WIDTH
}

/* The columns of C of one panel of B, which stands at B[j * ldb + p] if `transposed`, else at
 * B[p * ldb + j]. */
INLINE void NAME(packed_panel)(const NAME(block) *of, const REAL *B, ptrdiff_t ldb,
                               ptrdiff_t width, const int transposed, NAME(PanelPrefetch) *prefetch)
{
    ptrdiff_t i = 0;
    if (transposed)
        NAME(copy_transposed)(of->panels->b, TILE_COLS, B, ldb, width, of->depth);
    else if (width < TILE_COLS)
        NAME(copy)(of->panels->b, TILE_COLS, B, ldb, of->depth, width);
    else {
        NAME(first_tile)(of, B, ldb, prefetch);
        i = TILE_ROWS;
    }
    for (; i < of->high; i += TILE_ROWS)
        if (width < TILE_COLS)
            NAME(narrow_tile)(of, i, width, prefetch);
        else
            NAME(full_tile)(of, i, prefetch);
}

/* What prefetches a panel of B of `depth` rows and `width` columns during `tiles` tiles. */
INLINE NAME(PanelPrefetch) NAME(panel_prefetch)(const REAL *B, ptrdiff_t ldb, ptrdiff_t depth,
                                                ptrdiff_t width, const int transposed,
                                                ptrdiff_t tiles)
{
    NAME(PanelPrefetch) panel;
    panel.at = (const char *)B;
    panel.rows = transposed ? width : depth;
    panel.bytes = (transposed ? depth : width) * (ptrdiff_t)sizeof(REAL);
    panel.stride = ldb * (ptrdiff_t)sizeof(REAL);
    panel.end = panel.at + panel.bytes;
    panel.per_tile = (panel.rows * ((panel.bytes - 1) / FASTNN_LINE + 1) - 1) / tiles + 1;
    return panel;
}

#define LEAST(a, b) ((a) < (b) ? (a) : (b))

/* The columns of C from `begin` to `end`; the arguments are those of packed_product. */
INLINE void NAME(packed_columns)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda,
                                 const REAL *B, ptrdiff_t ldb, const REAL *start, ptrdiff_t m,
                                 ptrdiff_t begin, ptrdiff_t end, ptrdiff_t k, REAL alpha,
                                 REAL beta, const int down, const int transposed,
                                 FastnnPrefetch *prefetch)
{
    NAME(panels) *panels = (NAME(panels) *)fastnn_take_panels();
    ptrdiff_t blocks = (k - 1) / DEPTH + 1, deep = (k - 1) / blocks + 1;
    for (ptrdiff_t top = 0; top < k; top += deep) {
        NAME(block) of = {C, ldc, 0, LEAST(deep, k - top), NULL, alpha, top ? 1 : beta,
                           panels};
        for (ptrdiff_t i = 0; i < m; i += HIGH) {
            ptrdiff_t tiles;
            of.high = LEAST(HIGH, m - i);
            tiles = (of.high - 1) / TILE_ROWS + 1;
            NAME(pack_a)(panels->a, down ? A + top * lda + i : A + i * lda + top, lda, of.high,
                         of.depth, down);
            for (ptrdiff_t j = begin; j < end; j += TILE_COLS) {
                ptrdiff_t j_next = j + TILE_COLS, p_next = top;
                NAME(PanelPrefetch) next_panel = {0};
                if (j_next >= end) {
                    j_next = begin;
                    p_next = i + HIGH < m ? top : top + deep;
                }
                if (p_next < k)
                    next_panel = NAME(panel_prefetch)(
                        B + (transposed ? j_next * ldb + p_next : p_next * ldb + j_next), ldb,
                        LEAST(deep, k - p_next), LEAST(TILE_COLS, end - j_next), transposed, tiles);
                of.C = C + i * ldc + j;
                of.start = start && top == 0 ? start + j : NULL;
                if (prefetch)
                    fastnn_prefetch(prefetch, 1);
                NAME(packed_panel)(&of, B + (transposed ? j * ldb + top : top * ldb + j), ldb,
                                   LEAST(TILE_COLS, end - j), transposed, &next_panel);
            }
        }
    }
    fastnn_give_panels(panels);
}

/* C := beta C + alpha (start + op(A) op(B)), as rank_product has it; with B's transpose if
 * `transposed`. */
INLINE void NAME(packed_product)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda,
                                 const REAL *B, ptrdiff_t ldb, const REAL *start, ptrdiff_t m,
                                 ptrdiff_t n, ptrdiff_t k, REAL alpha, REAL beta, const int down,
                                 const int transposed, FastnnPrefetch *prefetch)
{
    for (ptrdiff_t j = 0; j < n; j += WIDE)
        NAME(packed_columns)(C, ldc, A, lda, B, ldb, start, m, j, LEAST(n, j + WIDE), k, alpha,
                             beta, down, transposed, prefetch);
}

/* The three products as gemm_small.c has them. */
static void NAME(packed_tn)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                            ptrdiff_t ldb, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, REAL alpha,
                            REAL beta, FastnnPrefetch *prefetch)
{
    NAME(packed_product)(C, ldc, A, lda, B, ldb, NULL, m, n, k, alpha, beta, 1, 0, prefetch);
}

static void NAME(packed_nn)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                            ptrdiff_t ldb, const REAL *start, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    NAME(packed_product)(C, ldc, A, lda, B, ldb, start, m, n, k, 1, 0, 0, 0, NULL);
}

static void NAME(packed_nt)(REAL *C, ptrdiff_t ldc, const REAL *A, ptrdiff_t lda, const REAL *B,
                            ptrdiff_t ldb, const REAL *bias, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    NAME(packed_product)(C, ldc, A, lda, B, ldb, bias, m, n, k, 1, 0, 0, 1, NULL);
}

#undef LEAST
#undef PANEL
#undef SLAB
#undef STEPS
#undef WIDE
#undef HIGH
#undef DEPTH
#undef TILE_COLS
#undef TILE_WIDTH
#undef TILE_ROWS

#endif
#endif

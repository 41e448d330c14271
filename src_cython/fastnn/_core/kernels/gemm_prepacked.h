/* Products of many blocks of rows with one matrix B, whose panels are packed once.
 *
 * A part of gemm_small.c. B (n, k) stands in panels: as many of its rows as a tile of C has
 * columns, transposed, panel after panel, the last one padded to whole vectors with zeros.
 * The numbers of a tile of C then lie side by side, and no sum of lanes is needed in the end.
 */
#define PANEL (RANK_WIDTH * LANES)
#define CLOSE 32768 /* bytes of a panel at a time: most of the first cache */

INLINE ptrdiff_t NAME(panel_width)(ptrdiff_t left)
{
    return left < PANEL ? left : PANEL;
}

/* From row to row of a panel. */
INLINE ptrdiff_t NAME(panel_step)(ptrdiff_t width)
{
    return (width + LANES - 1) / LANES * LANES;
}

/* panels := B (n, k); there must be room for n up to a whole vector. */
static void NAME(small_panels)(REAL *panels, const REAL *B, ptrdiff_t n, ptrdiff_t k)
{
    for (ptrdiff_t j = 0; j < n; j += PANEL) {
        ptrdiff_t width = NAME(panel_width)(n - j), step = NAME(panel_step)(width);
        REAL *panel = panels + j * k;
        NAME(copy_transposed)(panel, step, B + j * k, k, width, k);
        for (ptrdiff_t p = 0; p < k && width < step; p++)
            memset(panel + p * step + width, 0, (size_t)(step - width) * sizeof(REAL));
    }
}

/* Columns of C from one panel, in parts of the depth. */
INLINE void NAME(of_panel)(REAL *C, ptrdiff_t ldc, const REAL *A, const REAL *panel,
                           const REAL *start, ptrdiff_t m, ptrdiff_t width, ptrdiff_t k,
                           const REAL *next_rows)
{
    ptrdiff_t step = NAME(panel_step)(width);
    ptrdiff_t parts = (k * step * (ptrdiff_t)sizeof(REAL) + CLOSE / 2) / CLOSE;
    ptrdiff_t deep = parts > 1 ? (k - 1) / parts + 1 : k;
    for (ptrdiff_t top = 0; top < k; top += deep) {
        ptrdiff_t depth = k - top < deep ? k - top : deep, i = 0;
        const REAL *next = !next_rows ? NULL : top + deep < k ? A + top + deep : next_rows;
#define OF_ROWS(rows) \
    NAME(rank_part)(C + i * ldc, ldc, A + i * k + top, k, panel + top * step, step, \
                    top ? NULL : start, width, depth, 1, top ? 1 : 0, 0, 1, \
                    next ? next + i * k : NULL, rows)
        for (; i + RANK_ROWS <= m; i += RANK_ROWS)
            OF_ROWS(RANK_ROWS);
        for (; i + 2 <= m; i += 2)
            OF_ROWS(2);
        if (i < m)
            OF_ROWS(1);
#undef OF_ROWS
    }
}

/* C := A B^T + start in every row, with A (m, k), C (m, n), and B in panels. Rows of A are
 * prefetched, and in the end as many at `next_rows`, if that is not NULL. */
static void NAME(small_np)(REAL *C, const REAL *A, const REAL *panels, const REAL *start,
                           ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const REAL *next_rows)
{
    for (ptrdiff_t j = 0; j < n; j += PANEL)
        NAME(of_panel)(C + j, n, A, panels + j * k, start + j, m, NAME(panel_width)(n - j), k,
                       j ? NULL : next_rows);
}

#undef CLOSE
#undef PANEL

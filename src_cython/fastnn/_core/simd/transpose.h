/* Matrices transposed, for each instruction set and number type. */

/* to[c * step + r] := from[r * ld + c], for r below rows and c below cols. */
INLINE void NAME(copy_transposed)(REAL *to, ptrdiff_t step, const REAL *from, ptrdiff_t ld,
                                  ptrdiff_t rows, ptrdiff_t cols)
{
    ptrdiff_t r = 0;
#ifdef TRANSPOSE_ROWS
    for (; r + TRANSPOSE_ROWS <= rows; r += TRANSPOSE_ROWS) {
        ptrdiff_t c = 0;
        for (; c + TRANSPOSE_ROWS <= cols; c += TRANSPOSE_ROWS)
            NAME(transpose_rows)(to + c * step + r, step, from + r * ld + c, ld);
        for (; c < cols; c++)
            for (int i = 0; i < TRANSPOSE_ROWS; i++)
                to[c * step + r + i] = from[(r + i) * ld + c];
    }
#endif
    for (; r < rows; r++)
        for (ptrdiff_t c = 0; c < cols; c++)
            to[c * step + r] = from[r * ld + c];
}

/* out[c * width + i] := rows[order[i]][c] for i < m and the columns that go in whole tiles; returns
 * how many these are of the n. */
static inline ptrdiff_t NAME(gather_transposed)(REAL *out, ptrdiff_t width, const REAL *rows, ptrdiff_t n,
                                                const ptrdiff_t *order, ptrdiff_t m)
{
#ifdef TRANSPOSE_TILE
    ptrdiff_t whole = n / TRANSPOSE_TILE * TRANSPOSE_TILE, i = 0;
    for (; whole > 0 && i + TRANSPOSE_TILE <= m; i += TRANSPOSE_TILE) {
        const REAL *some[TRANSPOSE_TILE];
        for (int r = 0; r < TRANSPOSE_TILE; r++)
            some[r] = rows + order[i + r] * n;
        for (ptrdiff_t c = 0; c < whole; c += TRANSPOSE_TILE) {
            NAME(transpose_tile)(out + c * width + i, width, some);
            for (int r = 0; r < TRANSPOSE_TILE; r++)
                some[r] += TRANSPOSE_TILE;
        }
    }
    for (; i < m; i++)
        for (ptrdiff_t c = 0; c < whole; c++)
            out[c * width + i] = rows[order[i] * n + c];
    return whole;
#else
    (void)out, (void)width, (void)rows, (void)n, (void)order, (void)m;
    return 0;
#endif
}

/* Matrices transposed, for each instruction set and number type. */

/* to[c * step + r] := from[r * ld + c], for r from `first` on below rows and c below cols, in
 * squares of `side` rows; returns the first row that is left. */
#ifdef TRANSPOSE_TILE
INLINE ptrdiff_t NAME(copy_squares)(REAL *to, ptrdiff_t step, const REAL *from, ptrdiff_t ld,
                                    ptrdiff_t first, ptrdiff_t rows, ptrdiff_t cols, const int side)
{
    ptrdiff_t r = first;
    for (; r + side <= rows; r += side) {
        ptrdiff_t c = 0;
        for (; c + side <= cols; c += side)
            if (side == TRANSPOSE_ROWS)
                NAME(transpose_rows)(to + c * step + r, step, from + r * ld + c, ld);
            else {
                const REAL *square[TRANSPOSE_TILE];
                for (int i = 0; i < TRANSPOSE_TILE; i++)
                    square[i] = from + (r + i) * ld + c;
                NAME(transpose_tile)(to + c * step + r, step, square);
            }
        for (; c < cols; c++)
            for (int i = 0; i < side; i++)
                to[c * step + r + i] = from[(r + i) * ld + c];
    }
    return r;
}
#endif

/* to[c * step + r] := from[r * ld + c], for r below rows and c below cols. */
INLINE void NAME(copy_transposed)(REAL *to, ptrdiff_t step, const REAL *from, ptrdiff_t ld,
                                  ptrdiff_t rows, ptrdiff_t cols)
{
    ptrdiff_t r = 0;
#ifdef TRANSPOSE_TILE
    r = NAME(copy_squares)(to, step, from, ld, 0, rows, cols, TRANSPOSE_ROWS);
    if (TRANSPOSE_ROWS != TRANSPOSE_TILE)
        r = NAME(copy_squares)(to, step, from, ld, r, rows, cols, TRANSPOSE_TILE);
#endif
    for (; r < rows; r++)
        for (ptrdiff_t c = 0; c < cols; c++)
            to[c * step + r] = from[r * ld + c];
}

/* out[c * width + i] := rows[order[i]][c] for i < m and c < `columns`, which is a constant. */
INLINE void NAME(gather_columns)(REAL *out, ptrdiff_t width, const REAL *rows, ptrdiff_t n,
                                 const ptrdiff_t *order, ptrdiff_t m, const int columns)
{
    for (ptrdiff_t i = 0; i < m; i++) {
        const REAL *row = rows + order[i] * n;
        UNROLL
        for (int c = 0; c < columns; c++)
            out[c * width + i] = row[c];
    }
}

/* The same for all n columns. */
static inline void NAME(gather_transposed)(REAL *out, ptrdiff_t width, const REAL *rows, ptrdiff_t n,
                                           const ptrdiff_t *order, ptrdiff_t m)
{
    ptrdiff_t c = 0;
#ifdef TRANSPOSE_TILE
    ptrdiff_t whole = n / TRANSPOSE_TILE * TRANSPOSE_TILE, i = 0;
    for (; whole > 0 && i + TRANSPOSE_TILE <= m; i += TRANSPOSE_TILE) {
        const REAL *some[TRANSPOSE_TILE];
        for (int r = 0; r < TRANSPOSE_TILE; r++)
            some[r] = rows + order[i + r] * n;
        for (c = 0; c < whole; c += TRANSPOSE_TILE) {
            NAME(transpose_tile)(out + c * width + i, width, some);
            for (int r = 0; r < TRANSPOSE_TILE; r++)
                some[r] += TRANSPOSE_TILE;
        }
    }
    for (; i < m; i++)
        for (c = 0; c < whole; c++)
            out[c * width + i] = rows[order[i] * n + c];
    c = whole;
#endif
    for (; c + 3 < n; c += 4)
        NAME(gather_columns)(out + c * width, width, rows + c, n, order, m, 4);
    if (n - c == 3)
        NAME(gather_columns)(out + c * width, width, rows + c, n, order, m, 3);
    else if (n - c == 2)
        NAME(gather_columns)(out + c * width, width, rows + c, n, order, m, 2);
    else if (n - c == 1)
        NAME(gather_columns)(out + c * width, width, rows + c, n, order, m, 1);
}

/* What the tiles of small and packed products share, for each instruction set and number type. */

/* A vector of a row of C or B: the last one of a tile may have fewer numbers, `part` if not 0. */
INLINE Vec NAME(load_of_row)(const REAL *row, const int v, const int width, int part)
{
    const REAL *from = row + v * LANES;
    return part && v == width - 1 ? LoadN(from, part) : Load(from);
}

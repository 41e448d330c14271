/* Inner loops of tiles for NEON, each for each number type: two vectors of a row at a time, which one
 * instruction loads, and factors that are lanes of a vector, so that few loads stand beside many
 * multiply-adds. A number's terms are added in the order of the loops that these replace.
 */

/* sums[i][j] += A_i B_j, lane by lane, of pairs of vectors up to `depth`; returns how far it came.
 * Rows of the sums are `step` vectors apart; there are at most 5 rows and 4 columns. */
INLINE ptrdiff_t NAME(neon_dots)(Vec *sums, const int step, const REAL *A, ptrdiff_t lda,
                                 const REAL *B, ptrdiff_t ldb, ptrdiff_t depth, const int rows,
                                 const int cols)
{
    const REAL *a_at[5], *b_at[4];
    ptrdiff_t p = 0;
    UNROLL
    for (int i = 0; i < rows; i++)
        a_at[i] = A + i * lda;
    UNROLL
    for (int j = 0; j < cols; j++)
        b_at[j] = B + j * ldb;
    for (; p + 2 * LANES <= depth; p += 2 * LANES) {
        Vec b[4], next_b[4];
        UNROLL
        for (int j = 0; j < cols; j++) {
            LoadTwo(b_at[j], &b[j], &next_b[j]);
            b_at[j] += 2 * LANES;
        }
        UNROLL
        for (int i = 0; i < rows; i++) {
            Vec a, next_a;
            LoadTwo(a_at[i], &a, &next_a);
            a_at[i] += 2 * LANES;
            UNROLL
            for (int j = 0; j < cols; j++)
                sums[i * step + j] += a * b[j];
            UNROLL
            for (int j = 0; j < cols; j++)
                sums[i * step + j] += next_a * next_b[j];
        }
    }
    return p;
}

/* sums[i][v] += A_i[p] B[p][v] for all p below `depth`, with `width` vectors in each row of B. A_i[p]
 * stands as rank_tile has it; there are at most 4 rows. */
INLINE void NAME(neon_ranks)(Vec *sums, const int step, const REAL *A, ptrdiff_t lda, const REAL *B,
                             ptrdiff_t ldb, ptrdiff_t depth, const int down, const REAL *next_rows,
                             const int rows, const int width)
{
    for (ptrdiff_t p = 0; p < depth; p++) {
        REAL factors[4];
        if (next_rows && p % LANES == 0)
            for (int i = 0; i < rows; i++)
                __builtin_prefetch(next_rows + i * lda + p, 0, 2);
        UNROLL
        for (int i = 0; i < rows; i++)
            factors[i] = down ? A[p * lda + i] : A[i * lda + p];
        UNROLL
        for (int v = 0; v < width; v += 2) {
            Vec b[2];
            if (v + 1 < width)
                LoadTwo(B + p * ldb + v * LANES, &b[0], &b[1]);
            else
                b[0] = Load(B + p * ldb + v * LANES);
            UNROLL
            for (int i = 0; i < rows; i++) {
                KeepInOneLane(factors[i]);
                sums[i * step + v] += factors[i] * b[0];
                if (v + 1 < width)
                    sums[i * step + v + 1] += factors[i] * b[1];
            }
        }
    }
}

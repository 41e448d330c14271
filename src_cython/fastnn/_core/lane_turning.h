/* Rows picked from many and turned round: a part of lane_kernels.h. */
#if ISA_LEVEL > 0
#define TURN 4

/* to[c * step + r] := rows[r][c] for the TURN x TURN of them. */
INLINE void NAME(turn_rows)(REAL *to, ptrdiff_t step, const REAL *const *rows)
{
#if REAL_BITS == 64
    __m256d left[2], right[2]; /* two columns of all rows: of rows 0 and 2, of 1 and 3 */
    for (int r = 0; r < 2; r++) {
        left[r] = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(rows[r])),
                                       _mm_loadu_pd(rows[r + 2]), 1);
        right[r] = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(rows[r] + 2)),
                                        _mm_loadu_pd(rows[r + 2] + 2), 1);
    }
    _mm256_storeu_pd(to, _mm256_unpacklo_pd(left[0], left[1]));
    _mm256_storeu_pd(to + step, _mm256_unpackhi_pd(left[0], left[1]));
    _mm256_storeu_pd(to + 2 * step, _mm256_unpacklo_pd(right[0], right[1]));
    _mm256_storeu_pd(to + 3 * step, _mm256_unpackhi_pd(right[0], right[1]));
#else
    __m128 a = _mm_loadu_ps(rows[0]), b = _mm_loadu_ps(rows[1]);
    __m128 c = _mm_loadu_ps(rows[2]), d = _mm_loadu_ps(rows[3]);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + step, b);
    _mm_storeu_ps(to + 2 * step, c);
    _mm_storeu_ps(to + 3 * step, d);
#endif
}
#endif

/* out[c * width + i] := rows[order[i]][c] for i < m and the columns that go in whole tiles; returns
 * how many these are of the n. */
static ptrdiff_t NAME(lane_pick)(REAL *out, ptrdiff_t width, const REAL *rows, ptrdiff_t n,
                                 const ptrdiff_t *order, ptrdiff_t m)
{
#if ISA_LEVEL > 0
    ptrdiff_t turned = n / TURN * TURN, i = 0;
    for (; turned > 0 && i + TURN <= m; i += TURN) {
        const REAL *some[TURN];
        for (int r = 0; r < TURN; r++)
            some[r] = rows + order[i + r] * n;
        for (ptrdiff_t c = 0; c < turned; c += TURN) {
            NAME(turn_rows)(out + c * width + i, width, some);
            for (int r = 0; r < TURN; r++)
                some[r] += TURN;
        }
    }
    for (; i < m; i++)
        for (ptrdiff_t c = 0; c < turned; c++)
            out[c * width + i] = rows[order[i] * n + c];
    return turned;
#else
    return 0;
#endif
}

#undef TURN

/* A matrix turned round: a part of small_products.h. */
#if ISA_LEVEL > 0
#if REAL_BITS == 32
#define TURN 8

/* to[c * step + r] := from[r * ld + c] for the TURN x TURN of them. */
INLINE void NAME(turn)(REAL *to, ptrdiff_t step, const REAL *from, ptrdiff_t ld)
{
    __m256 rows[8];
    for (int r = 0; r < 4; r++) {
        const REAL *row = from + r * ld, *low = row + 4 * ld;
        rows[r] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row)),
                                       _mm_loadu_ps(low), 1);
        rows[r + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row + 4)),
                                           _mm_loadu_ps(low + 4), 1);
    }
    for (int s = 0; s < 8; s += 4) {
        __m256 a = _mm256_unpacklo_ps(rows[s], rows[s + 1]);
        __m256 b = _mm256_unpackhi_ps(rows[s], rows[s + 1]);
        __m256 c = _mm256_unpacklo_ps(rows[s + 2], rows[s + 3]);
        __m256 d = _mm256_unpackhi_ps(rows[s + 2], rows[s + 3]);
        _mm256_storeu_ps(to + s * step, _mm256_shuffle_ps(a, c, 0x44));
        _mm256_storeu_ps(to + (s + 1) * step, _mm256_shuffle_ps(a, c, 0xee));
        _mm256_storeu_ps(to + (s + 2) * step, _mm256_shuffle_ps(b, d, 0x44));
        _mm256_storeu_ps(to + (s + 3) * step, _mm256_shuffle_ps(b, d, 0xee));
    }
}
#else
#define TURN 4

INLINE void NAME(turn)(REAL *to, ptrdiff_t step, const REAL *from, ptrdiff_t ld)
{
    __m256d left[2], right[2]; /* two columns of all four rows: of rows 0 and 2, of 1 and 3 */
    for (int r = 0; r < 2; r++) {
        const REAL *row = from + r * ld, *low = row + 2 * ld;
        left[r] = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(row)),
                                       _mm_loadu_pd(low), 1);
        right[r] = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(row + 2)),
                                        _mm_loadu_pd(low + 2), 1);
    }
    _mm256_storeu_pd(to, _mm256_unpacklo_pd(left[0], left[1]));
    _mm256_storeu_pd(to + step, _mm256_unpackhi_pd(left[0], left[1]));
    _mm256_storeu_pd(to + 2 * step, _mm256_unpacklo_pd(right[0], right[1]));
    _mm256_storeu_pd(to + 3 * step, _mm256_unpackhi_pd(right[0], right[1]));
}
#endif
#endif

/* to[c * step + r] := from[r * ld + c], for r below rows and c below cols. */
INLINE void NAME(copy_turned)(REAL *to, ptrdiff_t step, const REAL *from, ptrdiff_t ld,
                              ptrdiff_t rows, ptrdiff_t cols)
{
    ptrdiff_t r = 0;
#ifdef TURN
    for (; r + TURN <= rows; r += TURN) {
        ptrdiff_t c = 0;
        for (; c + TURN <= cols; c += TURN)
            NAME(turn)(to + c * step + r, step, from + r * ld + c, ld);
        for (; c < cols; c++)
            for (int i = 0; i < TURN; i++)
                to[c * step + r + i] = from[(r + i) * ld + c];
    }
#endif
    for (; r < rows; r++)
        for (ptrdiff_t c = 0; c < cols; c++)
            to[c * step + r] = from[r * ld + c];
}

#undef TURN

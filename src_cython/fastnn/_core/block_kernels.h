/* Normalization of blocks, contiguous groups of a row's channels: a part of norm_kernels.h.
 *
 * A channel has `spatial` numbers; where it has one, gamma and beta are as long as the block.
 */
#define SUMS 4 /* side by side, for one would wait on itself */

INLINE REAL NAME(sum_of_all)(const VECTOR *sums)
{
    return NAME(sum_of_lanes)((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

/* x̂ := x less its mean; returns 1 / √(σ² + ε). Less the first number, as the columns are. */
static REAL NAME(centred)(REAL *xhat, const REAL *x, ptrdiff_t size, double eps)
{
    const ptrdiff_t whole = size - size % (SUMS * LANES);
    VECTOR sums[SUMS] = {ALL(0), ALL(0), ALL(0), ALL(0)}, first = NAME(all)(x[0]), d;
    REAL mean;
    for (ptrdiff_t i = 0; i < whole; i += SUMS * LANES)
        UNROLL
        for (int part = 0; part < SUMS; part++)
            sums[part] += NAME(load)(x + i + part * LANES, LANES, 0) - first;
    for (ptrdiff_t i = whole; i < size; i += LANES)
        sums[0] += NAME(load)(x + i, size - i, x[0]) - first;
    mean = NAME(sum_of_all)(sums) / (REAL)size;
    for (int part = 0; part < SUMS; part++)
        sums[part] = ALL(0);
    for (ptrdiff_t i = 0; i < whole; i += SUMS * LANES)
        UNROLL
        for (int part = 0; part < SUMS; part++) {
            d = (NAME(load)(x + i + part * LANES, LANES, 0) - first) - mean;
            NAME(store)(xhat + i + part * LANES, d, LANES);
            sums[part] += d * d;
        }
    for (ptrdiff_t i = whole; i < size; i += LANES) {
        NAME(store)(xhat + i, (NAME(load)(x + i, size - i, 0) - first) - mean, size - i);
        d = NAME(load)(xhat + i, size - i, 0); /* what is beyond adds nothing */
        sums[0] += d * d;
    }
    return (REAL)(1 / sqrt((double)NAME(sum_of_all)(sums) / (double)size + eps));
}

/* Numbers of one vector's channels: of a channel each, or of one channel all. */
INLINE VECTOR NAME(of_channels)(const REAL *numbers, ptrdiff_t spatial, ptrdiff_t i,
                                ptrdiff_t count)
{
    return spatial == 1 ? NAME(load)(numbers + i, count, 0) : NAME(all)(*numbers);
}

/* x (m, channels, spatial) := γ x̂ + β, with x̂ (m, channels, spatial) and inverse (m, groups) */
static void NAME(blocks_forward)(REAL *x, REAL *xhat, REAL *inverse, const REAL *gamma,
                                 const REAL *beta, ptrdiff_t m, ptrdiff_t channels,
                                 ptrdiff_t groups, ptrdiff_t spatial, double eps)
{
    const ptrdiff_t length = channels / groups * spatial, piece = spatial == 1 ? length : spatial;
    for (ptrdiff_t block = 0; block < m * groups; block++)
        inverse[block] = NAME(centred)(xhat + block * length, x + block * length, length, eps);
    for (ptrdiff_t at = 0; at < m * channels * spatial; at += piece) {
        const ptrdiff_t c = at / spatial % channels;
        const REAL by = inverse[at / length];
        for (ptrdiff_t i = 0; i < piece; i += LANES) {
            const ptrdiff_t count = LESS(LANES, piece - i);
            VECTOR hat = NAME(load)(xhat + at + i, count, 0) * by;
            NAME(store)(xhat + at + i, hat, count);
            NAME(store)(x + at + i, NAME(of_channels)(gamma + c, spatial, i, count) * hat
                        + NAME(of_channels)(beta + c, spatial, i, count), count);
        }
    }
}

/* One block's g = γ ∂C/∂y: its mean, and that of g x̂. */
INLINE void NAME(means_of_block)(REAL *mean, REAL *along, const REAL *delta, const REAL *xhat,
                                 const REAL *gamma, ptrdiff_t length, ptrdiff_t spatial)
{
    const ptrdiff_t piece = spatial == 1 ? length : spatial;
    VECTOR total = ALL(0), total_along = ALL(0);
    for (ptrdiff_t at = 0; at < length; at += piece)
        for (ptrdiff_t i = 0; i < piece; i += LANES) {
            const ptrdiff_t count = LESS(LANES, piece - i);
            VECTOR d = NAME(load)(delta + at + i, count, 0);
            VECTOR g = NAME(of_channels)(gamma + at / spatial, spatial, i, count) * d;
            total += g;
            total_along += g * NAME(load)(xhat + at + i, count, 0);
        }
    *mean = NAME(sum_of_lanes)(total) / (REAL)length;
    *along = NAME(sum_of_lanes)(total_along) / (REAL)length;
}

/* delta (m, channels, spatial) := ∂C/∂x in place of ∂C/∂y */
static void NAME(blocks_delta)(REAL *delta, const REAL *xhat, const REAL *inverse,
                               const REAL *gamma, ptrdiff_t m, ptrdiff_t channels,
                               ptrdiff_t groups, ptrdiff_t spatial)
{
    const ptrdiff_t length = channels / groups * spatial, piece = spatial == 1 ? length : spatial;
    for (ptrdiff_t block = 0; block < m * groups; block++, delta += length, xhat += length) {
        const REAL *scale = gamma + block % groups * (channels / groups), by = inverse[block];
        REAL mean, along;
        NAME(means_of_block)(&mean, &along, delta, xhat, scale, length, spatial);
        for (ptrdiff_t at = 0; at < length; at += piece)
            for (ptrdiff_t i = 0; i < piece; i += LANES) {
                const ptrdiff_t count = LESS(LANES, piece - i);
                VECTOR g = NAME(of_channels)(scale + at / spatial, spatial, i, count)
                    * NAME(load)(delta + at + i, count, 0);
                VECTOR away = mean + NAME(load)(xhat + at + i, count, 0) * along;
                NAME(store)(delta + at + i, by * (g - away), count);
            }
    }
}

/* dgamma := Σ x̂ ∂C/∂y, dbeta := Σ ∂C/∂y, a channel at a time */
static void NAME(channel_sums)(REAL *dgamma, REAL *dbeta, const REAL *delta, const REAL *xhat,
                               ptrdiff_t m, ptrdiff_t channels, ptrdiff_t spatial)
{
    for (ptrdiff_t c = 0; c < channels; c++) {
        VECTOR total = ALL(0), along = ALL(0);
        for (ptrdiff_t row = 0; row < m; row++)
            for (ptrdiff_t i = 0; i < spatial; i += LANES) {
                const ptrdiff_t at = (row * channels + c) * spatial + i;
                VECTOR d = NAME(load)(delta + at, spatial - i, 0);
                total += d;
                along += d * NAME(load)(xhat + at, spatial - i, 0);
            }
        dbeta[c] = NAME(sum_of_lanes)(total);
        dgamma[c] = NAME(sum_of_lanes)(along);
    }
}
#undef SUMS

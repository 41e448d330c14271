/* Normalization of blocks, contiguous groups of a row's channels: a part of norm.c.
 *
 * A channel has `spatial` numbers; where it has one, gamma and beta are as long as the block.
 */
#define SUMS 4 /* side by side, for one would wait on itself */

INLINE REAL NAME(sum_of_all)(const Vec *sums)
{
    return SumOfLanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

/* x̂ := x less its mean; returns 1 / √(σ² + ε). Less the first number, as the columns are. */
static REAL NAME(centred)(REAL *xhat, const REAL *x, ptrdiff_t size, double eps)
{
    const ptrdiff_t whole = size - size % (SUMS * LANES);
    Vec sums[SUMS] = {Zero(), Zero(), Zero(), Zero()}, first = Set(x[0]), d;
    REAL mean;
    for (ptrdiff_t i = 0; i < whole; i += SUMS * LANES)
        UNROLL
        for (int part = 0; part < SUMS; part++)
            sums[part] += Load(x + i + part * LANES) - first;
    for (ptrdiff_t i = whole; i < size; i += LANES)
        sums[0] += LoadNOr(x[0], x + i, size - i) - first;
    mean = NAME(sum_of_all)(sums) / (REAL)size;
    for (int part = 0; part < SUMS; part++)
        sums[part] = Zero();
    for (ptrdiff_t i = 0; i < whole; i += SUMS * LANES)
        UNROLL
        for (int part = 0; part < SUMS; part++) {
            d = (Load(x + i + part * LANES) - first) - mean;
            Store(d, xhat + i + part * LANES);
            sums[part] += d * d;
        }
    for (ptrdiff_t i = whole; i < size; i += LANES) {
        StoreN((LoadNOr(0, x + i, size - i) - first) - mean, xhat + i, size - i);
        d = LoadNOr(0, xhat + i, size - i); /* what is beyond adds nothing */
        sums[0] += d * d;
    }
    return (REAL)(1 / sqrt((double)NAME(sum_of_all)(sums) / (double)size + eps));
}

/* Numbers of one vector's channels: of a channel each, or of one channel all. */
INLINE Vec NAME(of_channels)(const REAL *numbers, ptrdiff_t spatial, ptrdiff_t i,
                                ptrdiff_t count)
{
    return spatial == 1 ? LoadNOr(0, numbers + i, count) : Set(*numbers);
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
            Vec hat = LoadNOr(0, xhat + at + i, count) * by;
            StoreN(hat, xhat + at + i, count);
            StoreN(NAME(of_channels)(gamma + c, spatial, i, count) * hat
                        + NAME(of_channels)(beta + c, spatial, i, count), x + at + i, count);
        }
    }
}

/* One block's g = γ ∂C/∂y: its mean, and that of g x̂. */
INLINE void NAME(means_of_block)(REAL *mean, REAL *along, const REAL *delta, const REAL *xhat,
                                 const REAL *gamma, ptrdiff_t length, ptrdiff_t spatial)
{
    const ptrdiff_t piece = spatial == 1 ? length : spatial;
    Vec total = Zero(), total_along = Zero();
    for (ptrdiff_t at = 0; at < length; at += piece)
        for (ptrdiff_t i = 0; i < piece; i += LANES) {
            const ptrdiff_t count = LESS(LANES, piece - i);
            Vec d = LoadNOr(0, delta + at + i, count);
            Vec g = NAME(of_channels)(gamma + at / spatial, spatial, i, count) * d;
            total += g;
            total_along += g * LoadNOr(0, xhat + at + i, count);
        }
    *mean = SumOfLanes(total) / (REAL)length;
    *along = SumOfLanes(total_along) / (REAL)length;
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
                Vec g = NAME(of_channels)(scale + at / spatial, spatial, i, count)
                    * LoadNOr(0, delta + at + i, count);
                Vec away = mean + LoadNOr(0, xhat + at + i, count) * along;
                StoreN(by * (g - away), delta + at + i, count);
            }
    }
}

/* dgamma := Σ x̂ ∂C/∂y, dbeta := Σ ∂C/∂y, a channel at a time */
static void NAME(channel_sums)(REAL *dgamma, REAL *dbeta, const REAL *delta, const REAL *xhat,
                               ptrdiff_t m, ptrdiff_t channels, ptrdiff_t spatial)
{
    for (ptrdiff_t c = 0; c < channels; c++) {
        Vec total = Zero(), along = Zero();
        for (ptrdiff_t row = 0; row < m; row++)
            for (ptrdiff_t i = 0; i < spatial; i += LANES) {
                const ptrdiff_t at = (row * channels + c) * spatial + i;
                Vec d = LoadNOr(0, delta + at, spatial - i);
                total += d;
                along += d * LoadNOr(0, xhat + at, spatial - i);
            }
        dbeta[c] = SumOfLanes(total);
        dgamma[c] = SumOfLanes(along);
    }
}
#undef SUMS

/* Softmax by rows: a part of activation.c. Sums go by the row's length alone. */

INLINE REAL NAME(largest_lane)(Vec x)
{
    REAL lanes[LANES], largest;
    memcpy(lanes, &x, sizeof x);
    largest = lanes[0];
    for (int lane = 1; lane < LANES; lane++)
        largest = lanes[lane] > largest ? lanes[lane] : largest;
    return largest;
}

/* A NaN may be passed over: its exponential spoils the sum anyway. */
INLINE REAL NAME(largest)(const REAL *z, ptrdiff_t n)
{
    Vec top = Set(-INFINITY);
    for (ptrdiff_t j = 0; j < n; j += LANES) {
        Vec x = LoadNOr(-INFINITY, z + j, n - j);
        top = IfThenElse(x > top, x, top);
    }
    return NAME(largest_lane)(top);
}

/* e^(z − largest), and 0 in lanes without a number; there as well nothing on the way is too small
 * for a normal number, which would take the processor a hundred cycles. */
INLINE Vec NAME(exp_below)(const REAL *z, ptrdiff_t count, REAL largest)
{
    Vec x = LoadNOr(largest, z, count) - largest;
    return FirstN(NAME(bounded_exp)(ClampBelow(x, LOWEST_EXP)), count);
}

#define GROUP 4 /* rows together: while one's few numbers wait for each other, the others' go on */
#define FEW 2   /* vectors of a row up to which it stays in registers */

/* Rows of up to FEW vectors, GROUP or less of them. All are read before any is written: a vector
 * that begins in the line where another one was just stored would have to wait for it. */
INLINE void NAME(softmax_of_few)(REAL *z, ptrdiff_t n, const int rows, const int width)
{
    Vec x[GROUP][FEW], sum[GROUP];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < width; v++)
            x[i][v] = LoadNOr(-INFINITY, z + i * n + v * LANES, n - v * LANES);
    for (int i = 0; i < rows; i++) {
        Vec top = x[i][0];
        REAL largest;
        for (int v = 1; v < width; v++)
            top = IfThenElse(x[i][v] > top, x[i][v], top);
        largest = NAME(largest_lane)(top);
        sum[i] = Zero();
        for (int v = 0; v < width; v++) {
            x[i][v] = NAME(exp_below)(z + i * n + v * LANES, n - v * LANES, largest);
            sum[i] += x[i][v];
        }
    }
    for (int i = 0; i < rows; i++) {
        REAL total = SumOfLanes(sum[i]);
        for (int v = 0; v < width; v++)
            StoreN(x[i][v] / total, z + i * n + v * LANES, n - v * LANES);
    }
}

INLINE void NAME(softmax_of_many)(REAL *z, ptrdiff_t n)
{
    REAL largest = NAME(largest)(z, n), total;
    Vec sum = Zero();
    for (ptrdiff_t j = 0; j < n; j += LANES) {
        Vec e = NAME(exp_below)(z + j, n - j, largest);
        sum += e;
        StoreN(e, z + j, n - j);
    }
    total = SumOfLanes(sum);
    for (ptrdiff_t j = 0; j < n; j += LANES)
        StoreN(LoadNOr(0, z + j, n - j) / total, z + j, n - j);
}

/* z := e^(z − max z) / Σ e^(z − max z) in each of m rows of n */
static void NAME(softmax)(REAL *z, ptrdiff_t m, ptrdiff_t n)
{
    if (n <= LANES) {
        for (; m >= GROUP; m -= GROUP, z += GROUP * n)
            NAME(softmax_of_few)(z, n, GROUP, 1);
        for (; m > 0; m--, z += n)
            NAME(softmax_of_few)(z, n, 1, 1);
    } else if (n <= FEW * LANES) {
        for (; m >= GROUP; m -= GROUP, z += GROUP * n)
            NAME(softmax_of_few)(z, n, GROUP, FEW);
        for (; m > 0; m--, z += n)
            NAME(softmax_of_few)(z, n, 1, FEW);
    } else {
        for (; m > 0; m--, z += n)
            NAME(softmax_of_many)(z, n);
    }
}

#undef GROUP
#undef FEW

/* delta_j := a_j (delta_j − Σ_k a_k delta_k), the softmax's Jacobian applied to each row */
static void NAME(softmax_backward)(REAL *delta, const REAL *a, ptrdiff_t m, ptrdiff_t n)
{
    for (; m > 0; m--, delta += n, a += n) {
        Vec sum = Zero();
        REAL mean;
        for (ptrdiff_t j = 0; j < n; j += LANES)
            sum += LoadNOr(0, a + j, n - j) * LoadNOr(0, delta + j, n - j);
        mean = SumOfLanes(sum);
        for (ptrdiff_t j = 0; j < n; j += LANES) {
            Vec slope = LoadNOr(0, a + j, n - j);
            StoreN(slope * (LoadNOr(0, delta + j, n - j) - mean), delta + j, n - j);
        }
    }
}

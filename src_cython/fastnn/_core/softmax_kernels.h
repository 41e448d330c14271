/* Softmax by rows: a part of activation_kernels.h. Sums go by the row's length alone. */

INLINE REAL NAME(largest_lane)(VECTOR x)
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
    VECTOR top = ALL(-INFINITY);
    for (ptrdiff_t j = 0; j < n; j += LANES) {
        VECTOR x = NAME(load)(z + j, n - j, -INFINITY);
        top = SELECT(x > top, x, top);
    }
    return NAME(largest_lane)(top);
}

INLINE VECTOR NAME(first_lanes)(VECTOR x, ptrdiff_t count)
{
    VECTOR first = ALL(0);
    if (count >= LANES)
        return x;
#if ISA_LEVEL == 2
    first = PICK(_mm512_maskz_mov_pd, _mm512_maskz_mov_ps)(FIRST(count), x);
#elif ISA_LEVEL == 1
    first = PICK(_mm256_and_pd, _mm256_and_ps)(x, (VECTOR)FIRST_LANES(count));
#else
    memcpy(&first, &x, (size_t)count * sizeof(REAL));
#endif
    return first;
}

/* e^(z − largest), and 0 in lanes without a number; there as well nothing on the way is too small
 * for a normal number, which would take the processor a hundred cycles. */
INLINE VECTOR NAME(exp_below)(const REAL *z, ptrdiff_t count, REAL largest)
{
    VECTOR x = NAME(load)(z, count, largest) - largest;
    return NAME(first_lanes)(NAME(bounded_exp)(NAME(at_least)(x, LOWEST_EXP)), count);
}

#define GROUP 4 /* rows together: while one's few numbers wait for each other, the others' go on */
#define FEW 2   /* vectors of a row up to which it stays in registers */

/* Rows of up to FEW vectors, GROUP or less of them. All are read before any is written: a vector
 * that begins in the line where another one was just stored would have to wait for it. */
INLINE void NAME(softmax_of_few)(REAL *z, ptrdiff_t n, const int rows, const int width)
{
    VECTOR x[GROUP][FEW], sum[GROUP];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < width; v++)
            x[i][v] = NAME(load)(z + i * n + v * LANES, n - v * LANES, -INFINITY);
    for (int i = 0; i < rows; i++) {
        VECTOR top = x[i][0];
        REAL largest;
        for (int v = 1; v < width; v++)
            top = SELECT(x[i][v] > top, x[i][v], top);
        largest = NAME(largest_lane)(top);
        sum[i] = ALL(0);
        for (int v = 0; v < width; v++) {
            x[i][v] = NAME(exp_below)(z + i * n + v * LANES, n - v * LANES, largest);
            sum[i] += x[i][v];
        }
    }
    for (int i = 0; i < rows; i++) {
        REAL total = NAME(sum_of_lanes)(sum[i]);
        for (int v = 0; v < width; v++)
            NAME(store)(z + i * n + v * LANES, x[i][v] / total, n - v * LANES);
    }
}

INLINE void NAME(softmax_of_many)(REAL *z, ptrdiff_t n)
{
    REAL largest = NAME(largest)(z, n), total;
    VECTOR sum = ALL(0);
    for (ptrdiff_t j = 0; j < n; j += LANES) {
        VECTOR e = NAME(exp_below)(z + j, n - j, largest);
        sum += e;
        NAME(store)(z + j, e, n - j);
    }
    total = NAME(sum_of_lanes)(sum);
    for (ptrdiff_t j = 0; j < n; j += LANES)
        NAME(store)(z + j, NAME(load)(z + j, n - j, 0) / total, n - j);
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
        VECTOR sum = ALL(0);
        REAL mean;
        for (ptrdiff_t j = 0; j < n; j += LANES)
            sum += NAME(load)(a + j, n - j, 0) * NAME(load)(delta + j, n - j, 0);
        mean = NAME(sum_of_lanes)(sum);
        for (ptrdiff_t j = 0; j < n; j += LANES) {
            VECTOR slope = NAME(load)(a + j, n - j, 0);
            NAME(store)(delta + j, slope * (NAME(load)(delta + j, n - j, 0) - mean), n - j);
        }
    }
}

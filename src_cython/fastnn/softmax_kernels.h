/* Softmax by rows: a part of activation_kernels.h. Sums go by the row's length alone. */

/* A NaN may be passed over: its exponential spoils the sum anyway. */
INLINE REAL NAME(largest)(const REAL *z, ptrdiff_t n)
{
    VECTOR top = ALL(-INFINITY);
    REAL lanes[LANES], largest;
    for (ptrdiff_t j = 0; j < n; j += LANES) {
        VECTOR x = NAME(load)(z + j, n - j, -INFINITY);
        top = SELECT(x > top, x, top);
    }
    memcpy(lanes, &top, sizeof top);
    largest = lanes[0];
    for (int lane = 1; lane < LANES; lane++)
        largest = lanes[lane] > largest ? lanes[lane] : largest;
    return largest;
}

/* z := e^(z − max z) / Σ e^(z − max z) in each of m rows of n */
static void NAME(softmax)(REAL *z, ptrdiff_t m, ptrdiff_t n)
{
    for (; m > 0; m--, z += n) {
        REAL largest = NAME(largest)(z, n), total;
        VECTOR sum = ALL(0);
        for (ptrdiff_t j = 0; j < n; j += LANES) {
            VECTOR x = NAME(load)(z + j, n - j, -INFINITY) - largest;
            VECTOR e = NAME(bounded_exp)(NAME(at_least)(x, LOWEST_EXP));
            sum += e;
            NAME(store)(z + j, e, n - j);
        }
        total = NAME(sum_of_lanes)(sum);
        for (ptrdiff_t j = 0; j < n; j += LANES)
            NAME(store)(z + j, NAME(load)(z + j, n - j, 0) / total, n - j);
    }
}

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

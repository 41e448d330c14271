/* GELU, SiLU and Mish, z times a factor between 0 and 1: a part of activation_kernels.h.
 *
 * A chain of rounded steps would err by 3 to 8 units. So a head goes with the tail that its
 * rounding lost, from the exponential on, and 2^n comes last: a small factor keeps all its digits.
 */

/* z, and NaN for −∞: there the product is −∞ · 0. */
#define NAN_AT_MINUS_INFINITY(z) (C(0) * NAME(at_most)(z, 0))

INLINE VECTOR NAME(silu)(VECTOR z)
{
    VECTOR product = NAME(logistic)(NAME(at_least)(z, LOWEST_EXP), z);
    return NAME(with_sign_of)(product + NAN_AT_MINUS_INFINITY(z), z);
}

/* tanh(ln(1 + w)) = w (w + 2) / (w (w + 2) + 2) with w = e^z = 2^n e^r */
INLINE VECTOR NAME(mish)(VECTOR z)
{
    BITS biased;
    VECTOR n, tail, x = NAME(at_least)(NAME(at_most)(z, HIGHEST_SIGMOID), LOWEST_EXP);
    VECTOR head = NAME(exp_parts)(x, ALL(0), 1, &n, &biased, &tail);
    VECTOR power = NAME(scaled)(ALL(1), n, biased);
    VECTOR w = power * head, factor = w + 2, above = head * factor;
    VECTOR lost_factor = (w - (factor - 2)) + power * tail;
    VECTOR lost_above = head * lost_factor + tail * factor - NAME(remainder)(above, head, factor);
    VECTOR raised = power * above, below = raised + 2;
    VECTOR lost_below = (raised - (below - 2)) + power * lost_above;
    VECTOR q = above / below;
    VECTOR rest = NAME(remainder)(above, q, below) + (lost_above - q * lost_below);
    VECTOR bounded = NAME(at_least)(z, LOWEST_EXP);
    q = bounded * q + x * (rest * NAME(rough_inverse)(below));
    return NAME(with_sign_of)(NAME(scaled)(q, n, biased) + NAN_AT_MINUS_INFINITY(z), z);
}

/* GELU is z Φ(z) = max(z, 0) − |z| Φ(−|z|). Φ(−x) e^(x²/2) (x + 2) over x ≥ 0, by powers of
 * t = (x − 2) / (x + 2), as Schonfelder (1978) has it with another centre: the one nearest to
 * which the first term, PHI_FIRST, outweighs the others. */
#define PHI_LAST PICK(39, 15) /* |z| Φ(−|z|) is 0 from here */
#define PHI_FIRST PICK(6.72408004892682376e-01, 6.724079847e-01)
#define PHI_FIRST_LOST PICK(4.45724383092142881e-17, 2.007667772e-08)
static const REAL NAME(phi_terms)[] = {
#if REAL_BITS == 64
    1.59281899455258386e-08, 4.43878316199423512e-08, -4.61316266483201881e-08,
    -2.59016151747520565e-07, -1.33691827545757845e-07, 4.55801742904562748e-07,
    7.13459896281494066e-07, 2.76960243124643857e-07, -3.61498878494322930e-07,
    -1.34189238154920644e-06, -2.82875374604484029e-06, -2.85900856212702741e-06,
    1.96406852684915639e-06, 1.25718433556327051e-05, 2.17251368558850496e-05,
    9.68171981093594140e-06, -4.60590864980326480e-05, -1.28552001427284220e-04,
    -1.15692394351641243e-04, 2.06991749757087318e-04, 8.27198920354321201e-04,
    7.85118154786797109e-04, -1.95112415943038148e-03, -6.72490707807444753e-03,
    -4.69596834439953517e-04, 3.67183609689205950e-02, 2.87973603453635582e-02,
    -3.31404442388781029e-01
#else
    -6.581982598e-05F, -1.495980687e-04F, 1.330260129e-04F, 8.369169664e-04F, 8.237860748e-04F,
    -1.951611601e-03F, -6.734616123e-03F, -4.697699042e-04F, 3.671941534e-02F, 2.879737504e-02F,
    -3.314044774e-01F
#endif
};

/* e^(−x²/2) = 2^n (head + tail) for 0 ≤ x ≤ PHI_LAST. The square of the high half of x's digits is
 * exact; the rest of x² would else be lost, and with it as many digits of the result as x² is
 * large. */
INLINE VECTOR NAME(bell)(VECTOR x, VECTOR *n, BITS *biased, VECTOR *tail)
{
    VECTOR high = NAME(high_half)(x), large = C(-0.5) * (high * high);
    VECTOR small = C(0.5) * ((x - high) * (x + high));
    return NAME(exp_parts)(large, small, 1, n, biased, tail);
}

INLINE VECTOR NAME(gelu)(VECTOR z)
{
    BITS biased;
    VECTOR n, tail, x = NAME(at_most)(NAME(absolute)(z), PHI_LAST);
    VECTOR bell = NAME(bell)(x, &n, &biased, &tail);
    VECTOR below = x + 2, q = x / below;
    VECTOR lost = (NAME(remainder)(x, q, below) - q * (x - (below - 2)))
        * NAME(rough_inverse)(below);
    VECTOR t = (2 * q - 1) + 2 * lost, rest = POLYNOMIAL(t, phi_terms);
    VECTOR phi = t * rest + C(PHI_FIRST);
    VECTOR lost_phi = ((C(PHI_FIRST) - phi) + t * rest) + C(PHI_FIRST_LOST);
    VECTOR part = q * phi, product = part * bell;
    VECTOR lost_part = (q * lost_phi + lost * phi) - NAME(remainder)(part, q, phi);
    product += (part * tail + lost_part * bell) - NAME(remainder)(product, part, bell);
    product = NAME(scaled)(product, n, biased);
    return NAME(with_sign_of)(z - NAME(at_most)(z, 0) - product, z);
}

/* Φ(z) + z φ(z), below 0 e^(−x²/2) (Φ(−x) e^(x²/2) − x / √2π) with x = |z|; f'(z) = 1 − f'(−z). */
INLINE VECTOR NAME(gelu_slope)(VECTOR z)
{
    BITS biased;
    VECTOR n, tail, x = NAME(at_most)(NAME(absolute)(z), PHI_LAST);
    VECTOR bell = NAME(bell)(x, &n, &biased, &tail), inverse = 1 / (x + 2);
    VECTOR t = (x - 2) * inverse, phi = C(PHI_FIRST) + t * POLYNOMIAL(t, phi_terms);
    VECTOR below_0 = NAME(scaled)(bell * (phi * inverse - C(NORMAL_PEAK) * x), n, biased);
    return SELECT(z < 0, below_0, 1 - below_0);
}

/* With e = e^−|z|: e (e + (1 + z)) / (1 + e)² below 0, (1 + e (1 + z)) / (1 + e)² above. Near the
 * slope's zero only 1 + z and e cancel, which are small and good to the last digit. */
INLINE VECTOR NAME(silu_slope)(VECTOR z)
{
    VECTOR bounded = NAME(at_least)(NAME(at_most)(z, -LOWEST_EXP), LOWEST_EXP);
    VECTOR e = NAME(decay)(bounded), inverse = 1 / (1 + e);
    VECTOR first = SELECT(z < 0, e, ALL(1)), second = SELECT(z < 0, ALL(1), e);
    return first * (first + second * (1 + bounded)) * (inverse * inverse);
}

/* With w = e^z: w (4 (z + 1) + (4 z + 6) w + 4 w² + w³) / (w² + 2 w + 2)²; above 0 both by w⁴. */
INLINE VECTOR NAME(mish_slope)(VECTOR z)
{
    VECTOR bounded = NAME(at_least)(NAME(at_most)(z, -LOWEST_EXP), LOWEST_EXP);
    VECTOR e = NAME(decay)(bounded), low = 4 * bounded + 4, high = 4 * bounded + 6;
    VECTOR divisor = SELECT(z < 0, e * (e + 2) + 2, 1 + 2 * e * (1 + e)), inverse = 1 / divisor;
    VECTOR sum = SELECT(z < 0, ALL(4) + e, high + e * low);
    sum = SELECT(z < 0, low, ALL(1)) + e * (SELECT(z < 0, high, ALL(4)) + e * sum);
    return SELECT(z < 0, e, ALL(1)) * sum * (inverse * inverse);
}

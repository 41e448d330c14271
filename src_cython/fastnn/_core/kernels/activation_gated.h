/* GELU, SiLU and Mish, z times a factor between 0 and 1: a part of activation.c.
 *
 * A chain of rounded steps would err by 3 to 8 units. So a head goes with the tail that its
 * rounding lost, from the exponential on, and 2^n comes last: a small factor keeps all its digits.
 */

/* z, and NaN for −∞: there the product is −∞ · 0. */
#define NAN_AT_MINUS_INFINITY(z) (C(0) * ClampAbove(z, 0))

INLINE Vec NAME(silu)(Vec z)
{
    Vec product = NAME(logistic)(ClampBelow(z, LOWEST_EXP), z);
    return CopySign(product + NAN_AT_MINUS_INFINITY(z), z);
}

/* tanh(ln(1 + w)) = w (w + 2) / (w (w + 2) + 2) with w = e^z = 2^n e^r */
INLINE Vec NAME(mish)(Vec z)
{
    Bits biased;
    Vec n, tail, x = ClampBelow(ClampAbove(z, HIGHEST_SIGMOID), LOWEST_EXP);
    Vec head = NAME(exp_parts)(x, Zero(), 1, &n, &biased, &tail);
    Vec power = NAME(scaled)(Set(1), n, biased);
    Vec w = power * head, factor = w + 2, above = head * factor;
    Vec lost_factor = (w - (factor - 2)) + power * tail;
    Vec lost_above = head * lost_factor + tail * factor - NegMulAdd(head, factor, above);
    Vec raised = power * above, below = raised + 2;
    Vec lost_below = (raised - (below - 2)) + power * lost_above;
    Vec q = above / below;
    Vec rest = NegMulAdd(q, below, above) + (lost_above - q * lost_below);
    Vec bounded = ClampBelow(z, LOWEST_EXP);
    q = bounded * q + x * (rest * ApproximateReciprocal(below));
    return CopySign(NAME(scaled)(q, n, biased) + NAN_AT_MINUS_INFINITY(z), z);
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
INLINE Vec NAME(bell)(Vec x, Vec *n, Bits *biased, Vec *tail)
{
    Vec high = HighHalf(x), large = C(-0.5) * (high * high);
    Vec small = C(0.5) * ((x - high) * (x + high));
    return NAME(exp_parts)(large, small, 1, n, biased, tail);
}

INLINE Vec NAME(gelu)(Vec z)
{
    Bits biased;
    Vec n, tail, x = ClampAbove(Abs(z), PHI_LAST);
    Vec bell = NAME(bell)(x, &n, &biased, &tail);
    Vec below = x + 2, q = x / below;
    Vec lost = (NegMulAdd(q, below, x) - q * (x - (below - 2)))
        * ApproximateReciprocal(below);
    Vec t = (2 * q - 1) + 2 * lost, rest = POLYNOMIAL(t, phi_terms);
    Vec phi = t * rest + C(PHI_FIRST);
    Vec lost_phi = ((C(PHI_FIRST) - phi) + t * rest) + C(PHI_FIRST_LOST);
    Vec part = q * phi, product = part * bell;
    Vec lost_part = (q * lost_phi + lost * phi) - NegMulAdd(q, phi, part);
    product += (part * tail + lost_part * bell) - NegMulAdd(part, bell, product);
    product = NAME(scaled)(product, n, biased);
    return CopySign(z - ClampAbove(z, 0) - product, z);
}

/* Φ(z) + z φ(z), below 0 e^(−x²/2) (Φ(−x) e^(x²/2) − x / √2π) with x = |z|; f'(z) = 1 − f'(−z). */
INLINE Vec NAME(gelu_slope)(Vec z)
{
    Bits biased;
    Vec n, tail, x = ClampAbove(Abs(z), PHI_LAST);
    Vec bell = NAME(bell)(x, &n, &biased, &tail), inverse = 1 / (x + 2);
    Vec t = (x - 2) * inverse, phi = C(PHI_FIRST) + t * POLYNOMIAL(t, phi_terms);
    Vec below_0 = NAME(scaled)(bell * (phi * inverse - C(NORMAL_PEAK) * x), n, biased);
    return IfThenElse(z < 0, below_0, 1 - below_0);
}

/* With e = e^−|z|: e (e + (1 + z)) / (1 + e)² below 0, (1 + e (1 + z)) / (1 + e)² above. Near the
 * slope's zero only 1 + z and e cancel, which are small and good to the last digit. */
INLINE Vec NAME(silu_slope)(Vec z)
{
    Vec bounded = ClampBelow(ClampAbove(z, -LOWEST_EXP), LOWEST_EXP);
    Vec e = NAME(decay)(bounded), inverse = 1 / (1 + e);
    Vec first = IfThenElse(z < 0, e, Set(1)), second = IfThenElse(z < 0, Set(1), e);
    return first * (first + second * (1 + bounded)) * (inverse * inverse);
}

/* With w = e^z: w (4 (z + 1) + (4 z + 6) w + 4 w² + w³) / (w² + 2 w + 2)²; above 0 both by w⁴. */
INLINE Vec NAME(mish_slope)(Vec z)
{
    Vec bounded = ClampBelow(ClampAbove(z, -LOWEST_EXP), LOWEST_EXP);
    Vec e = NAME(decay)(bounded), low = 4 * bounded + 4, high = 4 * bounded + 6;
    Vec divisor = IfThenElse(z < 0, e * (e + 2) + 2, 1 + 2 * e * (1 + e)), inverse = 1 / divisor;
    Vec sum = IfThenElse(z < 0, Set(4) + e, high + e * low);
    sum = IfThenElse(z < 0, low, Set(1)) + e * (IfThenElse(z < 0, high, Set(4)) + e * sum);
    return IfThenElse(z < 0, e, Set(1)) * sum * (inverse * inverse);
}

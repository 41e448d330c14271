/* Elementary functions of vectors; infinities, NaN and subnormal numbers as the C library has them.
 *
 * For each instruction set and number type. No lane depends on another.
 * Polynomials interpolate at Chebyshev's nodes; their terms stand highest power first.
 */

#define LN2_HIGH PICK(6.93147180369123816490e-01, 0.693145751953125) /* times n exact */
#define LN2_LOW PICK(1.90821492927058770002e-10, 1.428606765330187045e-06)
#define LOG2_E 1.4426950408889634074
#define SQRT_HALF 0.70710678118654752440
#define LOWEST_EXP PICK(-760, -115) /* where x e^x surely is 0, and e^x infinite: between them */
#define HIGHEST_EXP PICK(710, 89)   /* 2^n is made of two factors that fit */

/* (e^r − 1 − r) / r² over |r| ≤ ln 2 / 2 */
static const REAL NAME(exp_terms)[] = {
#if REAL_BITS == 64
    2.09147553258932021e-09, 2.51053127296221029e-08, 2.75572734787185824e-07,
    2.75572551700008879e-06, 2.48015873256774607e-05, 1.98412698750022792e-04,
    1.38888888888837113e-03, 8.33333333332608381e-03, 4.16666666666666713e-02,
    1.66666666666666713e-01, 5.00000000000000000e-01
#else
    1.989108046e-04F, 1.393373072e-03F, 8.333310845e-03F, 4.166646420e-02F, 1.666666668e-01F,
    5.000000014e-01F
#endif
};

/* (ln((1 + s) / (1 − s)) / s − 2) / s² by powers of s² over |s| ≤ (√2 − 1) / (√2 + 1) */
static const REAL NAME(log_terms)[] = {
#if REAL_BITS == 64
    1.46178074928038471e-01, 1.53316116945700853e-01, 1.81828924333645642e-01,
    2.22222110893681241e-01, 2.85714286262539086e-01, 3.99999999998988887e-01,
    6.66666666666666963e-01
#else
    2.958098619e-01F, 3.998875771e-01F, 6.666668510e-01F
#endif
};

/* Even and odd powers apart: one chain of dependent steps is what a processor waits for. */
INLINE Vec NAME(polynomial)(Vec x, const REAL *terms, const int count)
{
    Vec square = x * x, a = Set(terms[0]), b = Set(terms[1]);
    UNROLL
    for (int i = 2; i + 1 < count; i += 2) {
        a = a * square + terms[i];
        b = b * square + terms[i + 1];
    }
    return count % 2 ? (a * square + terms[count - 1]) + b * x : a * x + b;
}
#define POLYNOMIAL(x, terms) \
    NAME(polynomial)(x, NAME(terms), (int)(sizeof NAME(terms) / sizeof *NAME(terms)))

/* n = x / ln 2 rounded, as a number and, with twice the exponent's bias added, as bits: adding
 * SHIFTER leaves no bits for a fraction. */
#define SHIFTER (C(PICK(0x1.8p52, 0x1.8p23)) + 2 * EXPONENT_BIAS)
INLINE Vec NAME(halvings)(Vec x, Bits *biased)
{
    Vec shifted = x * C(LOG2_E) + SHIFTER;
    *biased = BitCastBits(shifted) & (4 * (WORD)EXPONENT_BIAS + 3);
    return shifted - SHIFTER;
}

/* e^r − 1 for |r| ≤ ln 2 / 2 */
INLINE Vec NAME(fraction)(Vec r) { return r + r * r * POLYNOMIAL(r, exp_terms); }

/* 2^n x, rounded once. */
INLINE Vec NAME(scaled)(Vec x, Vec n, Bits biased)
{
#if ISA_LEVEL == 2
    (void)biased;
    return ScaleByExponent(x, n);
#else
    Bits half = biased >> 1; /* of two factors only the last can overflow or lose digits */
    (void)n;
    return x * BitCastReal(half << MANTISSA) * BitCastReal((biased - half) << MANTISSA);
#endif
}

#if ISA_LEVEL == 2
#include "simd/math_tables.h"
#else
/* e^x for x from LOWEST_EXP to HIGHEST_EXP, or NaN */
INLINE Vec NAME(bounded_exp)(Vec x)
{
    Bits biased;
    Vec n = NAME(halvings)(x, &biased);
    Vec r = (x - n * C(LN2_HIGH)) - n * C(LN2_LOW);
    return NAME(scaled)(1 + NAME(fraction)(r), n, biased);
}

/* e^(x − excess) = 2^n (head + tail), or where `sign` is −1 its inverse by −n. What is rounded away
 * from r, and from its sum with 1, is added to the rest. */
INLINE Vec NAME(exp_parts)(Vec x, Vec excess, const int sign, Vec *n, Bits *biased,
                              Vec *tail)
{
    Vec high, low, rest, r, sum, head;
    *n = NAME(halvings)(x - excess, biased);
    high = C(sign) * (x - *n * C(LN2_HIGH));
    low = C(-sign) * (*n * C(LN2_LOW) + excess);
    r = high + low;
    sum = 1 + r;
    rest = (r - (sum - 1)) + (low - (r - high)) + r * r * POLYNOMIAL(r, exp_terms);
    head = sum + rest;
    *tail = rest - (head - sum);
    return head;
}
#endif

INLINE Vec NAME(exp)(Vec x)
{
    return NAME(bounded_exp)(ClampBelow(ClampAbove(x, HIGHEST_EXP), LOWEST_EXP));
}

/* e^−|x| */
INLINE Vec NAME(decay)(Vec x)
{
    Bits biased;
    Vec n, tail, size = ClampAbove(Abs(x), -LOWEST_EXP);
    Vec head = NAME(exp_parts)(-size, Zero(), 1, &n, &biased, &tail);
    return NAME(scaled)(head, n, biased);
}

/* e^x − 1 = whole + part for −700 ≤ x ≤ 0 (float: −80): 2^n − 1 and 2^n (e^r − 1) */
INLINE Vec NAME(expm1_parts)(Vec x, Vec *whole)
{
    Bits biased;
    Vec n = NAME(halvings)(x, &biased);
    Vec r = (x - n * C(LN2_HIGH)) - n * C(LN2_LOW);
    Vec power = BitCastReal((biased - EXPONENT_BIAS) << MANTISSA);
    *whole = power - 1;
    return power * NAME(fraction)(r);
}

INLINE Vec NAME(expm1_below_0)(Vec x)
{
    Vec whole, part = NAME(expm1_parts)(ClampBelow(x, PICK(-40, -20)), &whole);
    return whole + part;
}

#if ISA_LEVEL != 2 || REAL_BITS == 64
/* tanh |x| = (1 − e) / (1 + e) with e = e^−2|x|. What both sums lose is made good: the quotient q
 * then moves by (lost above − q · lost below) / (1 + e), and 1 / (1 + e) = (1 + q) / 2. */
INLINE Vec NAME(tanh)(Vec x)
{
    Vec whole, part, above, below, lost, q, size = ClampAbove(Abs(x), PICK(20, 10));
    part = NAME(expm1_parts)(-2 * size, &whole);
    above = whole + part;
    below = (whole + 2) + part;
    q = -above / below;
    lost = ((above - whole) - part) - q * (part - (below - (whole + 2)));
    return CopySign(q + lost * (C(0.5) + C(0.5) * q), x);
}
#endif

#define HIGHEST_SIGMOID PICK(40, 20) /* where 1 / (1 + e^−x) is 1, by some digits to spare */

/* c / (1 + e^−x) as 2^n (c / (2^n + 2^n e^−x)), where 1 ≤ 2^n e^−x < 2 or so: even a subnormal
 * result is rounded but once. What the sum loses is made good; an infinite c stays what it is. */
INLINE Vec NAME(logistic)(Vec c, Vec x)
{
    Bits biased;
    Vec n, tail, bounded = ClampBelow(ClampAbove(x, HIGHEST_SIGMOID), LOWEST_EXP);
    Vec head = NAME(exp_parts)(bounded, Zero(), -1, &n, &biased, &tail);
    Vec power = NAME(scaled)(Set(1), n, biased);
    Vec larger = Max(power, head), smaller = Min(power, head);
    Vec sum = larger + smaller, lost = (smaller - (sum - larger)) + tail, q = c / sum;
    q -= ClampAbove(q, HIGHEST_SIGMOID) * (lost * ApproximateReciprocal(sum));
    return NAME(scaled)(q, n, biased);
}

INLINE Vec NAME(sigmoid)(Vec x) { return NAME(logistic)(Set(1), x); }

/* ln(1 + f) + k ln 2 for √½ ≤ 1 + f ≤ √2, with s = f / (2 + f):
 * ln(1 + f) = f − (f²/2 − s (f²/2 + R)), where f, the largest term, is exact. */
INLINE Vec NAME(log_sum)(Vec f, Vec s, Vec k)
{
    Vec z = s * s, half_square = C(0.5) * f * f;
    Vec rest = z * POLYNOMIAL(z, log_terms);
    Vec low = s * (half_square + rest) + k * C(LN2_LOW);
    return k * C(LN2_HIGH) + (f - (half_square - low));
}

/* ln(1 + e) for 0 ≤ e ≤ 1 */
INLINE Vec NAME(log1p_to_1)(Vec e)
{
    Vec doubled = IfThenElse(e > C(2 * SQRT_HALF - 1), Set(1), Zero()); /* then 1 + e = 2 (1 + f) */
    Vec moved = e - doubled;
    Vec f = moved * (1 - C(0.5) * doubled);
    return NAME(log_sum)(f, moved / (moved + (2 + 2 * doubled)), doubled);
}

/* ln(1 + e^x) = max(x, 0) + ln(1 + e^−|x|) */
INLINE Vec NAME(softplus)(Vec x)
{
    return IfThenElse(x > 0, x, Zero()) + NAME(log1p_to_1)(NAME(decay)(x));
}

#if ISA_LEVEL != 2
/* x = 2^k (1 + f) with √½ ≤ 1 + f ≤ √2, for finite x > 0 */
#define SMALLEST_NORMAL PICK(0x1p-1022, 0x1p-126)
INLINE Vec NAME(log_parts)(Vec x, Vec *k)
{
    const WORD from = PICK(0x3fe6a09e667f3bcd, 0x3f3504f3); /* √½ */
    const WORD one = (WORD)EXPONENT_BIAS << MANTISSA;
    const REAL shifter = C(PICK(0x1p52, 0x1p23)); /* the spacing of numbers there is 1 */
    Vec raised = IfThenElse(x < C(SMALLEST_NORMAL), Set(PICK(0x1p54, 0x1p25)), Set(1));
    Bits u = BitCastBits(x * raised) + (one - from);
    Bits exponent = (u >> MANTISSA) | BitCastBits(Set(shifter));
    *k = BitCastReal(exponent) - (shifter + EXPONENT_BIAS)
        - IfThenElse(x < C(SMALLEST_NORMAL), Set(PICK(54, 25)), Zero());
    return BitCastReal((u & (((WORD)1 << MANTISSA) - 1)) + from) - 1;
}

/* −∞ for 0, NaN below and for NaN, ∞ for ∞ */
INLINE Vec NAME(log)(Vec x)
{
    Vec k, f = NAME(log_parts)(x, &k);
    Vec y = NAME(log_sum)(f, f / (2 + f), k);
    y = IfThenElse(x < C(INFINITY), y, x);
    y = IfThenElse(x < 0, Set(NAN), y);
    return IfThenElse(x == 0, Set(-INFINITY), y);
}
#endif

/* A number over the root of a mean square, as in the steps of Adam and its like, for each instruction
 * set and number type. No lane depends on another. */

#if ISA_LEVEL == 2 && REAL_BITS == 64
/* Squares between which estimates serve, with errors that are normal numbers: others take a hundred
 * cycles. From which eps on no digit of the divisor tells the smallest of them from less. */
#define SMALLEST_SQUARE 1e-200
#define LARGEST_SQUARE 1e200
#define SAFE_EPS 1e-80
#endif

/* x / (√square · factor + eps). For float64 of AVX-512 to 2 ulp, by Newton's steps from estimates of
 * 14 bits: the processor's division and root take three times as long. */
INLINE Vec NAME(over_root)(Vec x, Vec square, REAL factor, REAL eps)
{
#if ISA_LEVEL == 2 && REAL_BITS == 64
    const Vec v = ClampBelow(square, SMALLEST_SQUARE), half = Set(0.5);
    Vec inverse = RoughInverseRoot(v), root = v * inverse, error, divisor, quotient;
    inverse *= half;
    error = NegMulAdd(inverse, root, half);
    root = MulAdd(root, error, root);
    inverse = MulAdd(inverse, error, inverse);
    root = MulAdd(NegMulAdd(root, root, v), inverse, root);
    divisor = MulAdd(root, Set(factor), Set(eps));
    inverse = RoughInverse(divisor);
    inverse = MulAdd(inverse, NegMulAdd(inverse, divisor, Set(1)), inverse);
    quotient = x * inverse;
    quotient = MulAdd(NegMulAdd(quotient, divisor, x), inverse, quotient);
    if (eps >= SAFE_EPS && AllOf(square <= LARGEST_SQUARE))
        return quotient;
    if (eps >= SAFE_EPS)
        return IfThenElse(square <= LARGEST_SQUARE, quotient, x / (Sqrt(square) * factor + eps));
#endif
    return x / (Sqrt(square) * factor + eps);
}

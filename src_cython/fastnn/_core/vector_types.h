/* Vectors of one number type, and choosing lane by lane; where a compiler has none, plain numbers.
 *
 * A part of vector_math.h, included once per instruction set and number type: see each_isa.h.
 */
#define VECTOR NAME(vector)
#define BITS NAME(bits)
#define C(x) ((REAL)(x)) /* a constant in the type of the lanes */

#if REAL_BITS == 64
#define WORD uint64_t
#define MANTISSA 52
#define EXPONENT_BIAS 1023
#define PICK(of_double, of_float) of_double
#else
#define WORD uint32_t
#define MANTISSA 23
#define EXPONENT_BIAS 127
#define PICK(of_double, of_float) of_float
#endif
#if defined(__GNUC__) && !defined(__clang__)
#define UNROLL _Pragma("GCC unroll 32") /* clang unrolls such short loops anyway */
#else
#define UNROLL
#endif
#define SIGN_BIT ((WORD)1 << (REAL_BITS - 1))

#ifdef FASTNN_HAVE_VECTORS
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
typedef REAL VECTOR __attribute__((vector_size(LANES * sizeof(REAL))));
typedef WORD BITS __attribute__((vector_size(LANES * sizeof(REAL))));

INLINE BITS NAME(as_bits)(VECTOR x) { return (BITS)x; }
INLINE VECTOR NAME(as_real)(BITS u) { return (VECTOR)u; }
INLINE VECTOR NAME(all)(REAL x) { return x - (VECTOR){0}; } /* keeps the sign of −0 */
/* `chosen` where the comparison `mask` holds, else `other`. */
#if ISA_LEVEL == 2
#define SELECT(mask, chosen, other) \
    PICK(_mm512_mask_blend_pd, _mm512_mask_blend_ps)( \
        PICK(_mm512_movepi64_mask, _mm512_movepi32_mask)((__m512i)(mask)), other, chosen)
#else
#define SELECT(mask, chosen, other) \
    NAME(as_real)(((BITS)(mask) & NAME(as_bits)(chosen)) | (~(BITS)(mask) & NAME(as_bits)(other)))
#endif
#else
#define INLINE static __inline
#define NOINLINE
typedef REAL VECTOR;
typedef WORD BITS;

INLINE BITS NAME(as_bits)(VECTOR x)
{
    BITS u;
    memcpy(&u, &x, sizeof u);
    return u;
}

INLINE VECTOR NAME(as_real)(BITS u)
{
    VECTOR x;
    memcpy(&x, &u, sizeof x);
    return x;
}

INLINE VECTOR NAME(all)(REAL x) { return x; }
#define SELECT(mask, chosen, other) ((mask) ? (chosen) : (other))
#endif

#define ALL(x) NAME(all)(C(x))

#define FIRST(count) (PICK(__mmask8, __mmask16))((1u << (count)) - 1) /* a mask of AVX-512 */

#if ISA_LEVEL == 1 /* a mask of AVX2: LANES ones, then zeros, from where `count` ones are left */
static const WORD NAME(ones)[2 * LANES] = {
    (WORD)-1, (WORD)-1, (WORD)-1, (WORD)-1, PICK(0, (WORD)-1), PICK(0, (WORD)-1),
    PICK(0, (WORD)-1), PICK(0, (WORD)-1)};
#define FIRST_LANES(count) \
    _mm256_loadu_si256((const __m256i *)(const void *)(NAME(ones) + LANES - (count)))
#endif

/* `count` numbers, those beyond filled up with `rest`. */
INLINE VECTOR NAME(load)(const REAL *from, ptrdiff_t count, REAL rest)
{
    VECTOR x = NAME(all)(rest);
    if (count >= LANES) {
        memcpy(&x, from, sizeof x);
        return x;
    }
#if ISA_LEVEL == 2
    return PICK(_mm512_mask_loadu_pd, _mm512_mask_loadu_ps)(x, FIRST(count), from);
#elif ISA_LEVEL == 1
    return PICK(_mm256_blendv_pd, _mm256_blendv_ps)(
        x, PICK(_mm256_maskload_pd, _mm256_maskload_ps)(from, FIRST_LANES(count)),
        (VECTOR)FIRST_LANES(count));
#else
    memcpy(&x, from, (size_t)count * sizeof(REAL));
    return x;
#endif
}

INLINE void NAME(store)(REAL *to, VECTOR x, ptrdiff_t count)
{
    if (count >= LANES)
        memcpy(to, &x, sizeof x);
    else
#if ISA_LEVEL == 2
        PICK(_mm512_mask_storeu_pd, _mm512_mask_storeu_ps)(to, FIRST(count), x);
#elif ISA_LEVEL == 1
        PICK(_mm256_maskstore_pd, _mm256_maskstore_ps)(to, FIRST_LANES(count), x);
#else
        memcpy(to, &x, (size_t)count * sizeof(REAL));
#endif
}

INLINE VECTOR NAME(absolute)(VECTOR x) { return NAME(as_real)(NAME(as_bits)(x) & ~SIGN_BIT); }

INLINE VECTOR NAME(high_half)(VECTOR x)
{
    return NAME(as_real)(NAME(as_bits)(x) & ~(((WORD)1 << PICK(27, 12)) - 1));
}

/* a − b c where a is close to it: exact but for digits far below those of a's rounding. */
INLINE VECTOR NAME(remainder)(VECTOR a, VECTOR b, VECTOR c)
{
#if ISA_LEVEL == 2
    return PICK(_mm512_fnmadd_pd, _mm512_fnmadd_ps)(b, c, a);
#elif ISA_LEVEL == 1
    return PICK(_mm256_fnmadd_pd, _mm256_fnmadd_ps)(b, c, a);
#elif defined(FASTNN_HAVE_VECTORS) && (defined(__FP_FAST_FMA) || defined(__aarch64__))
    for (int lane = 0; lane < LANES; lane++)
        a[lane] = PICK(__builtin_fma, __builtin_fmaf)(-b[lane], c[lane], a[lane]);
    return a;
#else
    VECTOR high_b = NAME(high_half)(b), high_c = NAME(high_half)(c);
    VECTOR low_b = b - high_b, low_c = c - high_c; /* products of halves are exact */
    return ((a - high_b * high_c) - high_b * low_c - low_b * high_c) - low_b * low_c;
#endif
}

/* 1 / d to a tenth, for normal d > 0: enough for what is about to be added to its rounded digits. */
INLINE VECTOR NAME(rough_inverse)(VECTOR d)
{
    return NAME(as_real)(PICK(0x7fde623822fc16e6, 0x7ef311c7) - NAME(as_bits)(d));
}

INLINE VECTOR NAME(with_sign_of)(VECTOR magnitude, VECTOR x)
{
    return NAME(as_real)(NAME(as_bits)(magnitude) | (NAME(as_bits)(x) & SIGN_BIT));
}

/* NaN stays NaN in both: the processor's minimum hands out its second operand then. */
#if defined(FASTNN_HAVE_VECTORS) && defined(__x86_64__)
#if ISA_LEVEL == 2
#define LESSER PICK(_mm512_min_pd, _mm512_min_ps)
#define GREATER PICK(_mm512_max_pd, _mm512_max_ps)
#elif ISA_LEVEL == 1
#define LESSER PICK(_mm256_min_pd, _mm256_min_ps)
#define GREATER PICK(_mm256_max_pd, _mm256_max_ps)
#else
#define LESSER PICK(_mm_min_pd, _mm_min_ps)
#define GREATER PICK(_mm_max_pd, _mm_max_ps)
#endif
#else
#define LESSER(limit, x) SELECT((limit) < (x), limit, x)
#define GREATER(limit, x) SELECT((limit) > (x), limit, x)
#endif
INLINE VECTOR NAME(at_most)(VECTOR x, REAL limit) { return LESSER(NAME(all)(limit), x); }
INLINE VECTOR NAME(at_least)(VECTOR x, REAL limit) { return GREATER(NAME(all)(limit), x); }

INLINE REAL NAME(sum_of_lanes)(VECTOR x)
{
    REAL lanes[LANES], total = 0;
    memcpy(lanes, &x, sizeof x);
    for (int lane = 0; lane < LANES; lane++)
        total += lanes[lane];
    return total;
}

INLINE VECTOR NAME(square_root)(VECTOR x)
{
#if defined(FASTNN_HAVE_VECTORS) && defined(__x86_64__)
#if ISA_LEVEL == 2
    return PICK(_mm512_sqrt_pd, _mm512_sqrt_ps)(x);
#elif ISA_LEVEL == 1
    return PICK(_mm256_sqrt_pd, _mm256_sqrt_ps)(x);
#else
    return PICK(_mm_sqrt_pd, _mm_sqrt_ps)(x);
#endif
#else
    REAL lanes[LANES];
    memcpy(lanes, &x, sizeof x);
    for (int lane = 0; lane < LANES; lane++)
        lanes[lane] = PICK(sqrt, sqrtf)(lanes[lane]);
    memcpy(&x, lanes, sizeof x);
    return x;
#endif
}

/* −1, 0 or 1; 0 for NaN */
INLINE VECTOR NAME(sign)(VECTOR x)
{
    return SELECT(x > 0, ALL(1), SELECT(x < 0, ALL(-1), ALL(0)));
}

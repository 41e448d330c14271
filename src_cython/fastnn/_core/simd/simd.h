/* Vectors of one number type: the only file that names an instruction.
 *
 * The operations have the names of Google's Highway where it has them. They are macros over
 * functions of each instruction set and number type (see foreach_isa.h), which this file makes
 * anew at each inclusion. A new instruction set is one more branch of the functions below; each
 * has one without intrinsics, which also serves compilers without vector types (one lane).
 *
 *   Vec, Bits                 LANES numbers; their bits as unsigned numbers
 *   Set(x), Zero()            all lanes
 *   Load(p), Store(v, p)      LANES numbers, wherever they lie
 *   LoadN(p, n)               the first n < LANES, the others 0; nothing beyond is touched
 *   LoadNOr(fill, p, n)       LANES numbers or, if n is less, n and `fill`
 *   LoadTwo(p, &x, &y)        LANES numbers each, by one instruction (NEON only)
 *   KeepInOneLane(x)          the number is not copied to all lanes before it is a factor (NEON only)
 *   StoreN(v, p, n)           as many numbers, at most LANES
 *   FirstN(v, n)              lanes from n on become 0
 *   IfThenElse(mask, a, b)    lane by lane; `mask` is a comparison
 *   Abs, Sqrt, Sign           Sign: −1, 0 or 1, and 0 for NaN
 *   CopySign(size, x)         `size`, not negative, with the sign of x
 *   Min(a, b), Max(a, b)      b where one is NaN
 *   ClampAbove(x, limit)      at most `limit`, a number; NaN stays NaN
 *   ClampBelow(x, limit)      at least `limit`
 *   MulAdd(b, c, a)           b c + a, rounded once where there is such an operation: which of two
 *                             products is rounded is then not the compiler's choice
 *   NegMulAdd(b, c, a)        a − b c for a close to b c, all but exact
 *   ScaleByExponent(x, n)     2^n x (AVX-512 only)
 *   RoughInverse(x)           1 / x to 14 bits (float64 of AVX-512 only)
 *   RoughInverseRoot(x)       1 / √x, the same
 *   AllOf(mask)               whether a comparison holds in all lanes (the same)
 *   SumOfLanes(v)             from the first lane to the last
 *   TreeSumOfLanes(v)         pairs first, then pairs of pairs
 *
 * Sums, products and the other operators are C's own, of GCC's vector types; the compiler makes
 * x * y + z one operation (-ffp-contract=fast).
 */
#ifndef FASTNN_SIMD_H
#define FASTNN_SIMD_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(FASTNN_X86)
#include <immintrin.h>
#if defined(__clang__) && defined(_MSC_VER) /* it may leave out what is not for all of the file */
#include <smmintrin.h>
#include <avxintrin.h>
#include <avx2intrin.h>
#include <fmaintrin.h>
#include <avx512fintrin.h>
#include <avx512dqintrin.h>
#endif
#elif defined(FASTNN_NEON)
#include <arm_neon.h>
#endif

#ifdef FASTNN_HAVE_VECTORS
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#else
#define INLINE static __inline
#define NOINLINE
#endif
/* Before a loop over a tile: unrolled early, its sums stay in registers from beginning to end. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define UNROLL _Pragma("GCC unroll 32")
#else
#define UNROLL
#endif

/* One of two, by the number type. */
#define PICK_64(of_double, of_float) of_double
#define PICK_32(of_double, of_float) of_float
#define PICK_OF(bits) PICK_##bits
#define PICK_IN(bits) PICK_OF(bits)
#define PICK(of_double, of_float) PICK_IN(REAL_BITS)(of_double, of_float)

#define C(x) ((REAL)(x)) /* a constant in the type of the lanes */
#define WORD PICK(uint64_t, uint32_t)
#define MANTISSA PICK(52, 23)
#define EXPONENT_BIAS PICK(1023, 127)
#define SIGN_BIT ((WORD)1 << (REAL_BITS - 1))

#define Vec NAME(vec)
#define Bits NAME(bits)
#define BitCastBits(x) NAME(bit_cast_bits)(x)
#define BitCastReal(u) NAME(bit_cast_real)(u)
#define Set(x) NAME(set)(C(x))
#define Zero() NAME(set)(0)
#define Load(p) NAME(load)(p)
#define LoadN(p, n) NAME(load_n)(p, n)
#define LoadNOr(fill, p, n) NAME(load_n_or)(fill, p, n)
#define LoadTwo(p, x, y) NAME(load_two)(p, x, y)
#ifdef __clang__
#define KeepInOneLane(x) ((void)(x))
#else
#define KeepInOneLane(x) __asm__("" : "+w"(x))
#endif
#define Store(v, p) NAME(store)(v, p)
#define StoreN(v, p, n) NAME(store_n)(v, p, n)
#define FirstN(v, n) NAME(first_n)(v, n)
#define IfThenElse(mask, a, b) NAME(if_then_else)((Bits)(mask), a, b)
#define Abs(x) NAME(abs)(x)
#define Sqrt(x) NAME(sqrt)(x)
#define Sign(x) NAME(sign)(x)
#define CopySign(size, x) NAME(copy_sign)(size, x)
#define Min(a, b) NAME(min)(a, b)
#define Max(a, b) NAME(max)(a, b)
#define ClampAbove(x, limit) NAME(min)(Set(limit), x)
#define ClampBelow(x, limit) NAME(max)(Set(limit), x)
#define MulAdd(b, c, a) NAME(mul_add)(b, c, a)
#define NegMulAdd(b, c, a) NAME(neg_mul_add)(b, c, a)
#define RoughInverse(x) NAME(rough_inverse)(x)
#define RoughInverseRoot(x) NAME(rough_inverse_root)(x)
#define AllOf(mask) NAME(all_of)((Bits)(mask))
#define SumOfLanes(v) NAME(sum_of_lanes)(v)
#define TreeSumOfLanes(v) NAME(tree_sum_of_lanes)(v)

#endif

/* ---- once for each instruction set and number type ---- */

#ifdef FASTNN_HAVE_VECTORS
typedef REAL Vec __attribute__((vector_size(LANES * sizeof(REAL))));
typedef WORD Bits __attribute__((vector_size(LANES * sizeof(REAL))));
typedef REAL NAME(unaligned) __attribute__((vector_size(LANES * sizeof(REAL)),
                                            aligned(sizeof(REAL)), may_alias));
INLINE Bits BitCastBits(Vec x) { return (Bits)x; }
INLINE Vec BitCastReal(Bits u) { return (Vec)u; }
INLINE Vec NAME(set)(REAL x) { return x - (Vec){0}; } /* keeps the sign of −0 */
#else
typedef REAL Vec;
typedef WORD Bits;
typedef REAL NAME(unaligned);
INLINE Bits BitCastBits(Vec x)
{
    Bits u;
    memcpy(&u, &x, sizeof u);
    return u;
}
INLINE Vec BitCastReal(Bits u)
{
    Vec x;
    memcpy(&x, &u, sizeof x);
    return x;
}
INLINE Vec NAME(set)(REAL x) { return x; }
#endif

INLINE Vec Load(const REAL *from) { return (Vec)*(const NAME(unaligned) *)from; }
INLINE void Store(Vec x, REAL *to) { *(NAME(unaligned) *)to = x; }

#if ISA_LEVEL == 3
INLINE void LoadTwo(const REAL *from, Vec *x, Vec *y)
{
#ifdef __clang__
    *x = Load(from);
    *y = Load(from + LANES);
#else /* GCC 12 makes two instructions of these; and would load ahead more than registers hold */
    const NAME(unaligned) *at = (const NAME(unaligned) *)from;
    __asm__ volatile("ldp %q0, %q1, %2" : "=w"(*x), "=w"(*y) : "Ump"(at[0]), "m"(at[1]));
#endif
}
#endif

INLINE Vec NAME(if_then_else)(Bits mask, Vec chosen, Vec other)
{
#if ISA_LEVEL == 2
    return PICK(_mm512_mask_blend_pd, _mm512_mask_blend_ps)(
        PICK(_mm512_movepi64_mask, _mm512_movepi32_mask)((__m512i)mask), other, chosen);
#elif ISA_LEVEL == 3
    return PICK(vbslq_f64, vbslq_f32)(mask, chosen, other);
#elif defined(FASTNN_HAVE_VECTORS)
    return BitCastReal((mask & BitCastBits(chosen)) | (~mask & BitCastBits(other)));
#else
    return mask ? chosen : other;
#endif
}

/* Masks of the first `count` < LANES lanes. */
#if ISA_LEVEL == 2
#define FIRST_LANES(count) ((PICK(__mmask8, __mmask16))((1u << (count)) - 1))
#elif ISA_LEVEL == 1
/* Ones, then zeros, read from where `count` ones are left. */
static const WORD NAME(ones)[2 * LANES] = {
    (WORD)-1, (WORD)-1, (WORD)-1, (WORD)-1, PICK(0, (WORD)-1), PICK(0, (WORD)-1),
    PICK(0, (WORD)-1), PICK(0, (WORD)-1)};
#define FIRST_LANES(count) \
    _mm256_loadu_si256((const __m256i *)(const void *)(NAME(ones) + LANES - (count)))
#elif ISA_LEVEL == 3
/* Lane by lane, whether its place is below `count`. */
#if REAL_BITS == 64
#define FIRST_LANES(count) ((Bits)((Bits){0, 1} < (WORD)(count)))
#else
#define FIRST_LANES(count) ((Bits)((Bits){0, 1, 2, 3} < (WORD)(count)))
#endif
#endif

#if ISA_LEVEL == 0 || ISA_LEVEL == 3
/* x with `count` < LANES numbers in its first lanes. */
INLINE Vec NAME(with_first)(Vec x, const REAL *from, ptrdiff_t count)
{
#if ISA_LEVEL == 3 && REAL_BITS == 64
    if (count > 0)
        x = vld1q_lane_f64(from, x, 0);
    return x;
#elif ISA_LEVEL == 3
    if (count & 2)
        x = vcombine_f32(vld1_f32(from), vget_high_f32(x));
    if (count & 1)
        x = count > 1 ? vld1q_lane_f32(from + 2, x, 2) : vld1q_lane_f32(from, x, 0);
    return x;
#else
#ifdef FASTNN_HAVE_VECTORS
    for (int lane = 0; lane < count; lane++)
        x[lane] = from[lane];
#endif
    (void)from, (void)count;
    return x;
#endif
}
#endif

INLINE Vec LoadN(const REAL *from, ptrdiff_t count)
{
#if ISA_LEVEL == 2
    return PICK(_mm512_maskz_loadu_pd, _mm512_maskz_loadu_ps)(FIRST_LANES(count), from);
#elif ISA_LEVEL == 1
    return PICK(_mm256_maskload_pd, _mm256_maskload_ps)(from, FIRST_LANES(count));
#else
    return NAME(with_first)(Zero(), from, count);
#endif
}

INLINE Vec LoadNOr(REAL fill, const REAL *from, ptrdiff_t count)
{
    Vec x = NAME(set)(fill);
    if (count >= LANES)
        return Load(from);
#if ISA_LEVEL == 2
    return PICK(_mm512_mask_loadu_pd, _mm512_mask_loadu_ps)(x, FIRST_LANES(count), from);
#elif ISA_LEVEL == 1
    return PICK(_mm256_blendv_pd, _mm256_blendv_ps)(x, LoadN(from, count),
                                                    (Vec)FIRST_LANES(count));
#else
    return NAME(with_first)(x, from, count);
#endif
}

INLINE void StoreN(Vec x, REAL *to, ptrdiff_t count)
{
    if (count >= LANES)
        Store(x, to);
    else
#if ISA_LEVEL == 2
        PICK(_mm512_mask_storeu_pd, _mm512_mask_storeu_ps)(to, FIRST_LANES(count), x);
#elif ISA_LEVEL == 1
        PICK(_mm256_maskstore_pd, _mm256_maskstore_ps)(to, FIRST_LANES(count), x);
#elif ISA_LEVEL == 3 && REAL_BITS == 64
    {
        if (count > 0)
            vst1q_lane_f64(to, x, 0);
    }
#elif ISA_LEVEL == 3
    {
        if (count & 2)
            vst1_f32(to, vget_low_f32(x));
        if (count == 3)
            vst1q_lane_f32(to + 2, x, 2);
        else if (count == 1)
            vst1q_lane_f32(to, x, 0);
    }
#elif defined(FASTNN_HAVE_VECTORS)
        for (int lane = 0; lane < count; lane++)
            to[lane] = x[lane];
#else
        ; /* there is no part of one lane */
#endif
}

INLINE Vec FirstN(Vec x, ptrdiff_t count)
{
    Vec first = Zero();
    if (count >= LANES)
        return x;
#if ISA_LEVEL == 2
    first = PICK(_mm512_maskz_mov_pd, _mm512_maskz_mov_ps)(FIRST_LANES(count), x);
#elif ISA_LEVEL == 1
    first = PICK(_mm256_and_pd, _mm256_and_ps)(x, (Vec)FIRST_LANES(count));
#elif ISA_LEVEL == 3
    first = BitCastReal(BitCastBits(x) & FIRST_LANES(count));
#else
    memcpy(&first, &x, (size_t)count * sizeof(REAL));
#endif
    return first;
}

#undef FIRST_LANES

INLINE Vec Abs(Vec x) { return BitCastReal(BitCastBits(x) & ~SIGN_BIT); }

INLINE Vec CopySign(Vec size, Vec x)
{
    return BitCastReal(BitCastBits(size) | (BitCastBits(x) & SIGN_BIT));
}

INLINE Vec Sign(Vec x) { return IfThenElse(x > 0, Set(1), IfThenElse(x < 0, Set(-1), Zero())); }

INLINE Vec Min(Vec a, Vec b)
{
#if ISA_LEVEL == 2
    return PICK(_mm512_min_pd, _mm512_min_ps)(a, b);
#elif ISA_LEVEL == 1
    return PICK(_mm256_min_pd, _mm256_min_ps)(a, b);
#elif defined(FASTNN_X86)
    return PICK(_mm_min_pd, _mm_min_ps)(a, b);
#else
    return IfThenElse(a < b, a, b);
#endif
}

INLINE Vec Max(Vec a, Vec b)
{
#if ISA_LEVEL == 2
    return PICK(_mm512_max_pd, _mm512_max_ps)(a, b);
#elif ISA_LEVEL == 1
    return PICK(_mm256_max_pd, _mm256_max_ps)(a, b);
#elif defined(FASTNN_X86)
    return PICK(_mm_max_pd, _mm_max_ps)(a, b);
#else
    return IfThenElse(a > b, a, b);
#endif
}

INLINE Vec Sqrt(Vec x)
{
#if ISA_LEVEL == 2
    return PICK(_mm512_sqrt_pd, _mm512_sqrt_ps)(x);
#elif ISA_LEVEL == 1
    return PICK(_mm256_sqrt_pd, _mm256_sqrt_ps)(x);
#elif defined(FASTNN_X86)
    return PICK(_mm_sqrt_pd, _mm_sqrt_ps)(x);
#elif ISA_LEVEL == 3
    return PICK(vsqrtq_f64, vsqrtq_f32)(x);
#else
    REAL lanes[LANES];
    memcpy(lanes, &x, sizeof x);
    for (int lane = 0; lane < LANES; lane++)
        lanes[lane] = PICK(sqrt, sqrtf)(lanes[lane]);
    memcpy(&x, lanes, sizeof x);
    return x;
#endif
}

#if ISA_LEVEL == 2 && REAL_BITS == 64
INLINE Vec RoughInverse(Vec x) { return _mm512_rcp14_pd(x); }
INLINE Vec RoughInverseRoot(Vec x) { return _mm512_rsqrt14_pd(x); }
INLINE int NAME(all_of)(Bits mask) { return _mm512_movepi64_mask((__m512i)mask) == 0xff; }
#endif

/* The leading half of each number's digits. */
INLINE Vec NAME(high_half)(Vec x)
{
    return BitCastReal(BitCastBits(x) & ~(((WORD)1 << PICK(27, 12)) - 1));
}
#define HighHalf(x) NAME(high_half)(x)

INLINE Vec MulAdd(Vec b, Vec c, Vec a)
{
#if ISA_LEVEL == 2
    return PICK(_mm512_fmadd_pd, _mm512_fmadd_ps)(b, c, a);
#elif ISA_LEVEL == 1
    return PICK(_mm256_fmadd_pd, _mm256_fmadd_ps)(b, c, a);
#elif ISA_LEVEL == 3
    return PICK(vfmaq_f64, vfmaq_f32)(a, b, c);
#elif defined(FASTNN_HAVE_VECTORS) && defined(__FP_FAST_FMA)
    for (int lane = 0; lane < LANES; lane++)
        a[lane] = PICK(__builtin_fma, __builtin_fmaf)(b[lane], c[lane], a[lane]);
    return a;
#else
    return b * c + a;
#endif
}

/* Where there is no fused operation: exact but for digits far below those of a's rounding. */
INLINE Vec NegMulAdd(Vec b, Vec c, Vec a)
{
#if ISA_LEVEL == 2
    return PICK(_mm512_fnmadd_pd, _mm512_fnmadd_ps)(b, c, a);
#elif ISA_LEVEL == 1
    return PICK(_mm256_fnmadd_pd, _mm256_fnmadd_ps)(b, c, a);
#elif ISA_LEVEL == 3
    return PICK(vfmsq_f64, vfmsq_f32)(a, b, c);
#elif defined(FASTNN_HAVE_VECTORS) && defined(__FP_FAST_FMA)
    for (int lane = 0; lane < LANES; lane++)
        a[lane] = PICK(__builtin_fma, __builtin_fmaf)(-b[lane], c[lane], a[lane]);
    return a;
#else
    Vec high_b = HighHalf(b), high_c = HighHalf(c);
    Vec low_b = b - high_b, low_c = c - high_c; /* products of halves are exact */
    return ((a - high_b * high_c) - high_b * low_c - low_b * high_c) - low_b * low_c;
#endif
}

/* 1 / d to a tenth, for normal d > 0: enough for what is about to be added to its rounded digits. */
INLINE Vec NAME(approximate_reciprocal)(Vec d)
{
    return BitCastReal(PICK(0x7fde623822fc16e6, 0x7ef311c7) - BitCastBits(d));
}
#define ApproximateReciprocal(d) NAME(approximate_reciprocal)(d)

INLINE REAL SumOfLanes(Vec x)
{
    REAL lanes[LANES], total = 0;
    memcpy(lanes, &x, sizeof x);
    for (int lane = 0; lane < LANES; lane++)
        total += lanes[lane];
    return total;
}

/* Within each quarter of a vector first, then halves of the whole. */
INLINE REAL TreeSumOfLanes(Vec v)
{
#if ISA_LEVEL == 2 && REAL_BITS == 64
    __m512d pairs = _mm512_add_pd(v, _mm512_permute_pd(v, 0x55));
    __m256d half = _mm256_add_pd(_mm512_castpd512_pd256(pairs), _mm512_extractf64x4_pd(pairs, 1));
    return _mm_cvtsd_f64(_mm_add_sd(_mm256_castpd256_pd128(half), _mm256_extractf128_pd(half, 1)));
#elif ISA_LEVEL == 2
    __m512 pairs = _mm512_add_ps(v, _mm512_permute_ps(v, 0x4e));
    __m512 fours = _mm512_add_ps(pairs, _mm512_permute_ps(pairs, 0xb1));
    __m256 half = _mm256_add_ps(_mm512_castps512_ps256(fours), _mm512_extractf32x8_ps(fours, 1));
    return _mm_cvtss_f32(_mm_add_ss(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
#elif ISA_LEVEL == 1 && REAL_BITS == 64
    __m128d half = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
#elif ISA_LEVEL == 1
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
#elif ISA_LEVEL == 3
    return PICK(vaddvq_f64, vaddvq_f32)(v); /* of floats, neighbours first */
#else
    REAL lanes[LANES], total;
    memcpy(lanes, &v, sizeof v);
    total = lanes[0];
    for (int lane = 1; lane < LANES; lane++)
        total += lanes[lane];
    return total;
#endif
}

#if ISA_LEVEL >= 2
/* to := the sums of four vectors' lanes + bias (0 if it is NULL), each as TreeSumOfLanes has it. */
INLINE void NAME(tree_sums_of_4)(REAL *to, const Vec *v, const REAL *bias)
{
#if ISA_LEVEL == 3 && REAL_BITS == 64
    Vec ab = vpaddq_f64(v[0], v[1]), cd = vpaddq_f64(v[2], v[3]);
    Store(bias ? ab + Load(bias) : ab, to);
    Store(bias ? cd + Load(bias + 2) : cd, to + 2);
#elif ISA_LEVEL == 3
    Vec sums = vpaddq_f32(vpaddq_f32(v[0], v[1]), vpaddq_f32(v[2], v[3]));
    Store(bias ? sums + Load(bias) : sums, to);
#elif REAL_BITS == 64
    __m512d ab = _mm512_add_pd(_mm512_unpacklo_pd(v[0], v[1]), _mm512_unpackhi_pd(v[0], v[1]));
    __m512d cd = _mm512_add_pd(_mm512_unpacklo_pd(v[2], v[3]), _mm512_unpackhi_pd(v[2], v[3]));
    __m512d half = _mm512_add_pd(_mm512_shuffle_f64x2(ab, cd, 0x44),
                                 _mm512_shuffle_f64x2(ab, cd, 0xee));
    __m512d sums = _mm512_add_pd(_mm512_shuffle_f64x2(half, half, 0x88),
                                 _mm512_shuffle_f64x2(half, half, 0xdd));
    _mm256_storeu_pd(to, _mm256_add_pd(_mm512_castpd512_pd256(sums),
                                       bias ? _mm256_loadu_pd(bias) : _mm256_setzero_pd()));
#else
    __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]));
    __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(v[2], v[3]), _mm512_unpackhi_ps(v[2], v[3]));
    __m512 fours = _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
    __m256 half = _mm256_add_ps(_mm512_castps512_ps256(fours), _mm512_extractf32x8_ps(fours, 1));
    __m128 sums = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    _mm_storeu_ps(to, _mm_add_ps(sums, bias ? _mm_loadu_ps(bias) : _mm_setzero_ps()));
#endif
}
#endif

/* The sums of four vectors' lanes: halves of a vector of 64 bytes first, then neighbours. */
#if ISA_LEVEL == 3
typedef struct {
    Vec part[4 / LANES];
} NAME(four);

INLINE NAME(four) NAME(sums_of_4)(Vec a, Vec b, Vec c, Vec d)
{
    Vec ab = PICK(vpaddq_f64, vpaddq_f32)(a, b), cd = PICK(vpaddq_f64, vpaddq_f32)(c, d);
#if REAL_BITS == 64
    NAME(four) sums = {{ab, cd}};
#else
    NAME(four) sums = {{vpaddq_f32(ab, cd)}};
#endif
    return sums;
}
#elif ISA_LEVEL > 0
typedef PICK(__m256d, __m128) NAME(four);

INLINE PICK(__m256d, __m256) NAME(folded)(Vec v)
{
#if ISA_LEVEL == 2 && REAL_BITS == 64
    return _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1));
#elif ISA_LEVEL == 2
    return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
#else
    return v;
#endif
}

INLINE NAME(four) NAME(sums_of_4)(Vec a, Vec b, Vec c, Vec d)
{
    PICK(__m256d, __m256) ab = PICK(_mm256_hadd_pd, _mm256_hadd_ps)(NAME(folded)(a), NAME(folded)(b));
    PICK(__m256d, __m256) cd = PICK(_mm256_hadd_pd, _mm256_hadd_ps)(NAME(folded)(c), NAME(folded)(d));
#if REAL_BITS == 64
    return _mm256_add_pd(_mm256_permute2f128_pd(ab, cd, 0x20), _mm256_permute2f128_pd(ab, cd, 0x31));
#else
    __m256 eight = _mm256_hadd_ps(ab, cd);
    return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
#endif
}
#else
typedef struct {
    REAL lanes[4];
} NAME(four);

INLINE NAME(four) NAME(sums_of_4)(Vec a, Vec b, Vec c, Vec d)
{
    NAME(four) sums = {{TreeSumOfLanes(a), TreeSumOfLanes(b), TreeSumOfLanes(c), TreeSumOfLanes(d)}};
    return sums;
}
#endif

#if ISA_LEVEL == 1 || ISA_LEVEL == 2
/* Lane l := a[l] + a[l ^ bit] where `bit` is not in l, b[l] + b[l ^ bit] where it is; `bit` is a
 * constant. Half of the moves are blends, which more ports do than shuffles. */
INLINE Vec NAME(fold_two)(Vec a, Vec b, const int bit)
{
#if ISA_LEVEL == 2 && REAL_BITS == 64
    const __m512i places = _mm512_setr_epi64(2, 3, 8, 9, 6, 7, 12, 13);
    return bit == 4   ? _mm512_mask_blend_pd(0xf0, a, b) + _mm512_shuffle_f64x2(a, b, 0x4e)
           : bit == 2 ? _mm512_mask_blend_pd(0xcc, a, b) + _mm512_permutex2var_pd(a, places, b)
                      : _mm512_mask_blend_pd(0xaa, a, b) + _mm512_shuffle_pd(a, b, 0x55);
#elif ISA_LEVEL == 2
    const __m512i fours =
        _mm512_setr_epi32(4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 24, 25, 26, 27);
    const __m512i ones =
        _mm512_setr_epi32(1, 16, 3, 18, 5, 20, 7, 22, 9, 24, 11, 26, 13, 28, 15, 30);
    return bit == 8   ? _mm512_mask_blend_ps(0xff00, a, b) + _mm512_shuffle_f32x4(a, b, 0x4e)
           : bit == 4 ? _mm512_mask_blend_ps(0xf0f0, a, b) + _mm512_permutex2var_ps(a, fours, b)
           : bit == 2 ? _mm512_mask_blend_ps(0xcccc, a, b) + _mm512_shuffle_ps(a, b, 0x4e)
                      : _mm512_mask_blend_ps(0xaaaa, a, b) + _mm512_permutex2var_ps(a, ones, b);
#elif REAL_BITS == 64
    return bit == 2 ? _mm256_blend_pd(a, b, 12) + _mm256_permute2f128_pd(a, b, 0x21)
                    : _mm256_blend_pd(a, b, 10) + _mm256_shuffle_pd(a, b, 5);
#else
    return bit == 4   ? _mm256_blend_ps(a, b, 0xf0) + _mm256_permute2f128_ps(a, b, 0x21)
           : bit == 2 ? _mm256_blend_ps(a, b, 0xcc) + _mm256_shuffle_ps(a, b, 0x4e)
                      : _mm256_blend_ps(a, b, 0xaa) +
                            _mm256_permute_ps(_mm256_blend_ps(b, a, 0xaa), 0xb1);
#endif
}

/* Lane l := the sum of the lanes of v[l], of as many vectors as there are lanes. */
INLINE Vec NAME(sums_by_lane)(const Vec *v)
{
    Vec left[LANES];
    memcpy(left, v, sizeof left);
    UNROLL
    for (int bit = LANES / 2; bit > 0; bit /= 2)
        UNROLL
        for (int k = 0; k < bit; k++)
            left[k] = NAME(fold_two)(left[k], left[k + bit], bit);
    return left[0];
}
#endif

/* Tiles of a matrix transposed: to[c * step + r] := rows[r][c], for TRANSPOSE_TILE rows and columns
 * (no such macro where there is none), and the same of TRANSPOSE_ROWS rows that lie `ld` apart. */
#undef TRANSPOSE_ROWS
#undef TRANSPOSE_TILE
#if ISA_LEVEL > 0
#define TRANSPOSE_TILE 4
#if ISA_LEVEL == 3
#define TRANSPOSE_ROWS 4
#else
#define TRANSPOSE_ROWS PICK(4, 8)
#endif

INLINE void NAME(transpose_tile)(REAL *to, ptrdiff_t step, const REAL *const *rows)
{
#if ISA_LEVEL == 3 && REAL_BITS == 64
    for (int r = 0; r < 4; r += 2)
        for (int c = 0; c < 4; c += 2) {
            Vec a = Load(rows[r] + c), b = Load(rows[r + 1] + c);
            Store(vzip1q_f64(a, b), to + c * step + r);
            Store(vzip2q_f64(a, b), to + (c + 1) * step + r);
        }
#elif ISA_LEVEL == 3
    float32x4x2_t ab = vtrnq_f32(Load(rows[0]), Load(rows[1]));
    float32x4x2_t cd = vtrnq_f32(Load(rows[2]), Load(rows[3]));
    for (int c = 0; c < 2; c++) {
        Store(vcombine_f32(vget_low_f32(ab.val[c]), vget_low_f32(cd.val[c])), to + c * step);
        Store(vcombine_f32(vget_high_f32(ab.val[c]), vget_high_f32(cd.val[c])),
              to + (c + 2) * step);
    }
#elif REAL_BITS == 64
    __m256d left[2], right[2]; /* two columns of all rows: of rows 0 and 2, of 1 and 3 */
    for (int r = 0; r < 2; r++) {
        left[r] = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(rows[r])),
                                       _mm_loadu_pd(rows[r + 2]), 1);
        right[r] = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(rows[r] + 2)),
                                        _mm_loadu_pd(rows[r + 2] + 2), 1);
    }
    _mm256_storeu_pd(to, _mm256_unpacklo_pd(left[0], left[1]));
    _mm256_storeu_pd(to + step, _mm256_unpackhi_pd(left[0], left[1]));
    _mm256_storeu_pd(to + 2 * step, _mm256_unpacklo_pd(right[0], right[1]));
    _mm256_storeu_pd(to + 3 * step, _mm256_unpackhi_pd(right[0], right[1]));
#else
    __m128 a = _mm_loadu_ps(rows[0]), b = _mm_loadu_ps(rows[1]);
    __m128 c = _mm_loadu_ps(rows[2]), d = _mm_loadu_ps(rows[3]);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + step, b);
    _mm_storeu_ps(to + 2 * step, c);
    _mm_storeu_ps(to + 3 * step, d);
#endif
}

INLINE void NAME(transpose_rows)(REAL *to, ptrdiff_t step, const REAL *from, ptrdiff_t ld)
{
#if TRANSPOSE_ROWS == TRANSPOSE_TILE
    const REAL *rows[4] = {from, from + ld, from + 2 * ld, from + 3 * ld};
    NAME(transpose_tile)(to, step, rows);
#else
    __m256 rows[8];
    for (int r = 0; r < 4; r++) {
        const REAL *row = from + r * ld, *low = row + 4 * ld;
        rows[r] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row)),
                                       _mm_loadu_ps(low), 1);
        rows[r + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row + 4)),
                                           _mm_loadu_ps(low + 4), 1);
    }
    for (int s = 0; s < 8; s += 4) {
        __m256 a = _mm256_unpacklo_ps(rows[s], rows[s + 1]);
        __m256 b = _mm256_unpackhi_ps(rows[s], rows[s + 1]);
        __m256 c = _mm256_unpacklo_ps(rows[s + 2], rows[s + 3]);
        __m256 d = _mm256_unpackhi_ps(rows[s + 2], rows[s + 3]);
        _mm256_storeu_ps(to + s * step, _mm256_shuffle_ps(a, c, 0x44));
        _mm256_storeu_ps(to + (s + 1) * step, _mm256_shuffle_ps(a, c, 0xee));
        _mm256_storeu_ps(to + (s + 2) * step, _mm256_shuffle_ps(b, d, 0x44));
        _mm256_storeu_ps(to + (s + 3) * step, _mm256_shuffle_ps(b, d, 0xee));
    }
#endif
}
#endif

#if ISA_LEVEL == 2
#define ScaleByExponent(x, n) PICK(_mm512_scalef_pd, _mm512_scalef_ps)(x, n)
/* x = 2^k m: m from 3/4 to 3/2, with the sign of x. */
#define Mantissa(x) \
    PICK(_mm512_getmant_pd, _mm512_getmant_ps)(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_src)
#define Exponent(x) PICK(_mm512_getexp_pd, _mm512_getexp_ps)(x)
/* y, or what four bits of `table` say for the kind of number that x is. */
#define FixUp(y, x, table) \
    PICK(_mm512_fixupimm_pd, _mm512_fixupimm_ps)(y, x, PICK(_mm512_set1_epi64, _mm512_set1_epi32)(table), 0)

/* From a table of 16 numbers, by the lowest four bits of the index. */
INLINE Vec NAME(lookup_16)(const REAL *table, Bits index)
{
#if REAL_BITS == 64
    return _mm512_permutex2var_pd(
        _mm512_loadu_pd(table), (__m512i)index, _mm512_loadu_pd(table + LANES));
#else
    return _mm512_permutexvar_ps((__m512i)index, _mm512_loadu_ps(table));
#endif
}
#define Lookup16(table, index) NAME(lookup_16)(table, index)

#if REAL_BITS == 32
/* From a table of 32 numbers, by the lowest five bits of the index. */
INLINE Vec NAME(lookup_32)(const REAL *table, Bits index)
{
    return _mm512_permutex2var_ps(
        _mm512_loadu_ps(table), (__m512i)index, _mm512_loadu_ps(table + LANES));
}
#define Lookup32(table, index) NAME(lookup_32)(table, index)
#endif
#endif

/* Numbers widened to double, VECTOR_BYTES of them at a time. */
#ifdef FASTNN_HAVE_VECTORS
typedef REAL NAME(narrow) __attribute__((vector_size(VECTOR_BYTES / 8 * sizeof(REAL))));
typedef double NAME(wide) __attribute__((vector_size(VECTOR_BYTES)));
#else
typedef REAL NAME(narrow);
typedef double NAME(wide);
#endif
#define WIDE_LANES ((ptrdiff_t)(sizeof(NAME(wide)) / sizeof(double)))

INLINE NAME(wide) NAME(load_wide)(const REAL *x)
{
    NAME(narrow) some;
    memcpy(&some, x, sizeof some);
#ifdef FASTNN_HAVE_VECTORS
    return __builtin_convertvector(some, NAME(wide));
#else
    return (double)some;
#endif
}

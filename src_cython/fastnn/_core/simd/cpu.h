/* Which instruction sets the kernels are compiled for, and which of them this processor and its
 * operating system have. The level of each is its place in FOR_EACH_ISA and in a kernel's table:
 * 0 "base" is what the compiler makes of vectors by itself; then, on x86-64, 1 "v3" AVX2 with FMA
 * and 2 "v4" AVX-512; on 64-bit ARM, 1 "neon".
 */
#ifndef FASTNN_ISA_H
#define FASTNN_ISA_H

#include <stddef.h>

/* GCC and clang, as clang-cl too, have vector types. FASTNN_NO_VECTORS: a trial of what others do. */
#if (defined(__GNUC__) || defined(__clang__)) && !defined(FASTNN_NO_VECTORS)
#define FASTNN_HAVE_VECTORS 1
#endif
#if defined(FASTNN_HAVE_VECTORS) && defined(__x86_64__)
#define FASTNN_X86 1
#elif defined(FASTNN_HAVE_VECTORS) && defined(__aarch64__) && defined(__ARM_NEON)
#define FASTNN_NEON 1
#endif

#if defined(FASTNN_X86)
#define FOR_EACH_ISA(M) M(base), M(v3), M(v4)
#elif defined(FASTNN_NEON)
#define FOR_EACH_ISA(M) M(base), M(neon)
#else
#define FOR_EACH_ISA(M) M(base)
#endif

/* NULL from the first level on that is not compiled. */
static inline const char *fastnn_level_name(int level)
{
#define FASTNN_NAME(isa) #isa
    static const char *const names[] = {FOR_EACH_ISA(FASTNN_NAME)};
#undef FASTNN_NAME
    return level < (int)(sizeof names / sizeof *names) ? names[level] : NULL;
}

#ifdef FASTNN_X86
#include <cpuid.h>

/* Which registers the operating system saves: bits 1 and 2 AVX, bits 5 to 7 AVX-512. */
static inline unsigned long long fastnn_saved_registers(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((unsigned long long)high << 32) | low;
}

static inline int fastnn_best_level(void)
{
    unsigned a, b, c, d, b7;
    const unsigned v3 = bit_AVX2 | bit_BMI2, v4 = bit_AVX512F | bit_AVX512DQ | bit_AVX512VL;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_FMA))
        return 0;
    if (!__get_cpuid_count(7, 0, &a, &b7, &c, &d) || (b7 & v3) != v3)
        return 0;
    if ((fastnn_saved_registers() & 0x06) != 0x06)
        return 0;
    return (b7 & v4) == v4 && (fastnn_saved_registers() & 0xe6) == 0xe6 ? 2 : 1;
}
#elif defined(FASTNN_NEON) /* every such processor has it */
static inline int fastnn_best_level(void) { return 1; }
#else
static inline int fastnn_best_level(void) { return 0; }
#endif

#endif

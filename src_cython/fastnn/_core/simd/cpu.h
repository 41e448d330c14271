/* Which instruction sets this processor and its operating system have: level 0 "base" is what the
 * compiler targets anyway, 1 "v3" AVX2 with FMA, 2 "v4" AVX-512.
 */
#ifndef FASTNN_ISA_H
#define FASTNN_ISA_H

#if defined(__GNUC__) && !defined(FASTNN_NO_VECTORS) /* defined for a trial of what others do */
#define FASTNN_HAVE_VECTORS 1
#endif

#if defined(FASTNN_HAVE_VECTORS) && defined(__x86_64__)
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
#else
static inline int fastnn_best_level(void) { return 0; }
#endif

#endif

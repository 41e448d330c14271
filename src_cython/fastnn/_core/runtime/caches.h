/* How large this processor's caches are, as it or its operating system says. */
#ifndef FASTNN_CACHES_H
#define FASTNN_CACHES_H

#include <stddef.h>

#include "simd/cpu.h"

#if defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__linux__)
#include <unistd.h>
#endif

/* What is taken for it where nobody says, or says what cannot be. */
#define FASTNN_USUAL_SECOND_CACHE 262144
#define FASTNN_LEAST_SECOND_CACHE 65536

/* Bytes of the second cache, of one core or of the few that share it. */
static ptrdiff_t fastnn_second_cache(void)
{
    long long size = 0;
#if defined(FASTNN_X86)
    unsigned a, b, c, d;
    if (__get_cpuid(0x80000006, &a, &b, &c, &d))
        size = (long long)(c >> 16) * 1024;
#elif defined(__APPLE__)
    size_t length = sizeof size;
    if (sysctlbyname("hw.perflevel0.l2cachesize", &size, &length, NULL, 0) != 0)
        size = 0;
#elif defined(__linux__) && defined(_SC_LEVEL2_CACHE_SIZE)
    size = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
    return size < FASTNN_LEAST_SECOND_CACHE ? FASTNN_USUAL_SECOND_CACHE : (ptrdiff_t)size;
}

#endif

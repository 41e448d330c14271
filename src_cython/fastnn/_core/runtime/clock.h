/* Seconds from a fixed moment, by a clock that nobody sets. */
#ifndef FASTNN_CLOCK_H
#define FASTNN_CLOCK_H

#ifdef _WIN32
#include "runtime/windows.h"

static double fastnn_seconds(void)
{
    LARGE_INTEGER now, a_second;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&a_second);
    return (double)now.QuadPart / (double)a_second.QuadPart;
}
#else
#include <time.h>

static double fastnn_seconds(void)
{
    struct timespec now;
#if defined(CLOCK_MONOTONIC)
    clock_gettime(CLOCK_MONOTONIC, &now);
#else
    timespec_get(&now, TIME_UTC);
#endif
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
#endif
#endif

/* Seconds from a fixed moment, for the profile of an epoch. */
#ifndef FASTNN_CLOCK_H
#define FASTNN_CLOCK_H
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

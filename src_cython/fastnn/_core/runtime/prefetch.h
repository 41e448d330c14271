/* Prefetching of rows that the next mini-batch takes, a few cache lines at a time while a product is
 * computed, so that nobody waits for them.
 */
#ifndef FASTNN_PREFETCH_H
#define FASTNN_PREFETCH_H

#include <stddef.h>

#define FASTNN_LINE 64 /* bytes of a cache line */

typedef struct {
    const char *const *rows;
    ptrdiff_t n_rows, bytes; /* of each row */
    ptrdiff_t row, at;       /* how far it came */
    ptrdiff_t lines;         /* for the next product */
} FastnnPrefetch;

#if defined(__GNUC__) || defined(__clang__)
#define FASTNN_PREFETCH(address) __builtin_prefetch(address, 0, 2)
#else
#define FASTNN_PREFETCH(address) ((void)(address))
#endif

static inline void fastnn_prefetch(FastnnPrefetch *prefetch, ptrdiff_t lines)
{
    while (lines-- > 0 && prefetch->row < prefetch->n_rows) {
        FASTNN_PREFETCH(prefetch->rows[prefetch->row] + prefetch->at);
        prefetch->at += FASTNN_LINE;
        if (prefetch->at >= prefetch->bytes) {
            prefetch->at = 0;
            prefetch->row++;
        }
    }
}

#endif

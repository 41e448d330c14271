/* Memory for the panels of packed products: a block for each product that is computed just then.
 *
 * It is no thread's own, or every thread of a process would have a copy, on Windows from its start;
 * and too large for the small stacks that some systems give to threads.
 */
#ifndef FASTNN_PANELS_H
#define FASTNN_PANELS_H

#include <stddef.h>

#define FASTNN_PANELS 327680    /* bytes of a block */
#define FASTNN_PANEL_BLOCKS 64 /* more products at once wait for each other */

static char fastnn_panels[FASTNN_PANEL_BLOCKS][FASTNN_PANELS] __attribute__((aligned(64)));
static char fastnn_panels_taken[FASTNN_PANEL_BLOCKS];

/* The block that the thread had last if it is free, for it is in this processor's cache. The compiler
 * does not see which, or it would be looked up in every tile, with all sums put aside meanwhile. */
static __attribute__((noinline, unused)) void *fastnn_take_panels(void)
{
    static __thread int last;
    int block = last;
    while (__atomic_exchange_n(&fastnn_panels_taken[block], 1, __ATOMIC_ACQUIRE))
        block = (block + 1) % FASTNN_PANEL_BLOCKS;
    last = block;
    return fastnn_panels[block];
}

static inline void fastnn_give_panels(const void *panels)
{
    ptrdiff_t block = ((const char *)panels - fastnn_panels[0]) / FASTNN_PANELS;
    __atomic_store_n(&fastnn_panels_taken[block], 0, __ATOMIC_RELEASE);
}

#endif

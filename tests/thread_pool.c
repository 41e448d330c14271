/* The thread pool under ThreadSanitizer: `make tsan` builds and runs this.
 *
 * Workers write to places of their own and read one another's after each barrier, with jobs of
 * different sizes from two threads at once, of which one finds the pool taken.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/thread_pool.h"

enum { ROUNDS = 300, JOBS = 60 };

typedef struct {
    long places[FASTNN_MAX_WORKERS];
    int wrong;
} Shared;

static void work(void *argument, int worker, int n_workers)
{
    Shared *shared = argument;
    for (long round = 1; round <= ROUNDS; round++) {
        shared->places[worker] = round;
        fastnn_barrier(n_workers);
        if (shared->places[(worker + 1) % n_workers] != round)
            __atomic_store_n(&shared->wrong, 1, __ATOMIC_RELAXED);
        fastnn_barrier(n_workers);
    }
}

static void *caller(void *argument)
{
    int *failed = argument;
    for (int job = 0; job < JOBS; job++) {
        static _Thread_local Shared shared;
        shared.wrong = 0;
        fastnn_run(work, &shared, 1 + job % 4);
        *failed |= shared.wrong;
        if (job % 20 == 0)
            usleep(3000); /* long enough for the workers to fall asleep */
    }
    return NULL;
}

int main(void)
{
    pthread_t other;
    int failed[2] = {0, 0};
    if (pthread_create(&other, NULL, caller, &failed[1]) != 0)
        return 2;
    caller(&failed[0]);
    pthread_join(other, NULL);
    puts(failed[0] || failed[1] ? "a worker saw an old number" : "all workers saw all numbers");
    return failed[0] || failed[1];
}

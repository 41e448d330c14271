/* The team of threads under ThreadSanitizer: `make tsan` builds and runs this.
 *
 * Members write to places of their own and read one another's after each meeting, with jobs of
 * different sizes from two threads at once, of which one finds the team taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/thread_pool.h"

enum { ROUNDS = 300, JOBS = 60 };

typedef struct {
    long places[FASTNN_MOST_MEMBERS];
    int wrong;
} Told;

static void work(void *argument, int member, int n_members)
{
    Told *told = argument;
    for (long round = 1; round <= ROUNDS; round++) {
        told->places[member] = round;
        fastnn_meet(n_members);
        if (told->places[(member + 1) % n_members] != round)
            __atomic_store_n(&told->wrong, 1, __ATOMIC_RELAXED);
        fastnn_meet(n_members);
    }
}

static void *caller(void *argument)
{
    int *failed = argument;
    for (int job = 0; job < JOBS; job++) {
        static _Thread_local Told told;
        told.wrong = 0;
        fastnn_run(work, &told, 1 + job % 4);
        *failed |= told.wrong;
        if (job % 20 == 0)
            usleep(3000); /* long enough for the members to fall asleep */
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
    puts(failed[0] || failed[1] ? "a member saw an old number" : "all members saw all numbers");
    return failed[0] || failed[1];
}

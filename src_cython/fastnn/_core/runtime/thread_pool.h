/* A thread pool: its workers run one function together and synchronize at barriers.
 *
 * The caller is worker 0; the others sleep in between. Waiting spins for about the time that
 * waking takes (some 100 us), then sleeps, so that idle workers leave the processor to others.
 * There is one pool in a process; a caller that finds it taken works alone. Without threads
 * every caller does.
 */
#ifndef FASTNN_THREAD_POOL_H
#define FASTNN_THREAD_POOL_H

#include "runtime/clock.h"
#include "runtime/threads.h"

#define FASTNN_MAX_WORKERS 64
#define FASTNN_JOBS 256 /* from one job's number to the next: more than the workers */
#define FASTNN_SPINS 2000
#define FASTNN_A_WHILE 100 /* spins, some 5 us: most barriers are passed by then */
#define FASTNN_A_STALL 3e-4 /* seconds at a barrier: somebody has no processor, or very much to do */

typedef void (*FastnnWork)(void *argument, int worker, int n_workers);

#ifdef FASTNN_HAVE_THREADS

typedef struct {
    FastnnLock lock;
    FastnnCondition changed;
    int taken;   /* somebody's work is being done, or workers are being started */
    int started; /* threads, the caller not counted */
    int kept_off; /* the processor that the first `n_kept` workers are kept off */
    int n_kept;
    FastnnWork work;
    void *argument;
    char padding[64]; /* what is spun on stays off the lines above */
    unsigned job;     /* counts the works in its upper bits, their workers in the lower */
    char padding_2[64];
    unsigned passed; /* counts the barriers */
    char padding_3[64];
    int arrived; /* at the barrier */
    int asleep;  /* workers that wait for `changed` */
    char padding_4[64];
    long long stalled; /* microseconds that workers stalled at barriers, all together */
} FastnnThreadPool;

static FastnnThreadPool fastnn_pool = {FASTNN_LOCK, FASTNN_CONDITION};

static inline void fastnn_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Wait until *counter is no longer `old`; return for how many seconds, 0 if not even a while. */
static double fastnn_wait(unsigned *counter, unsigned old)
{
    FastnnThreadPool *pool = &fastnn_pool;
    double began = 0;
    for (int i = 1; i <= FASTNN_SPINS; i++) {
        if (__atomic_load_n(counter, __ATOMIC_ACQUIRE) != old)
            return began == 0 ? 0 : fastnn_seconds() - began;
        if (i == FASTNN_A_WHILE)
            began = fastnn_seconds();
        if (i % FASTNN_A_WHILE)
            fastnn_relax();
        else /* whoever is waited for may have been put on this processor */
            fastnn_yield();
    }
    fastnn_lock(&pool->lock);
    /* First counted as asleep, then looked again: who changes the counter looks the other way
     * round, so that one of the two sees the other. */
    __atomic_add_fetch(&pool->asleep, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(counter, __ATOMIC_SEQ_CST) == old)
        fastnn_sleep(&pool->changed, &pool->lock);
    __atomic_sub_fetch(&pool->asleep, 1, __ATOMIC_SEQ_CST);
    fastnn_unlock(&pool->lock);
    return fastnn_seconds() - began;
}

static void fastnn_set(unsigned *counter, unsigned value)
{
    FastnnThreadPool *pool = &fastnn_pool;
    __atomic_store_n(counter, value, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&pool->asleep, __ATOMIC_SEQ_CST) > 0) {
        fastnn_lock(&pool->lock);
        fastnn_wake(&pool->changed);
        fastnn_unlock(&pool->lock);
    }
}

/* A barrier: all workers of the job wait for the last; each sees what the others wrote before.
 * Returns for how many seconds, as fastnn_wait. */
static double fastnn_long_barrier(int n_workers)
{
    FastnnThreadPool *pool = &fastnn_pool;
    unsigned passed;
    if (n_workers == 1)
        return 0;
    passed = __atomic_load_n(&pool->passed, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&pool->arrived, 1, __ATOMIC_ACQ_REL) < n_workers)
        return fastnn_wait(&pool->passed, passed);
    __atomic_store_n(&pool->arrived, 0, __ATOMIC_RELAXED);
    fastnn_set(&pool->passed, passed + 1);
    return 0;
}

/* The same where all have as much to do: who waits long stalls. */
static void fastnn_barrier(int n_workers)
{
    double waited = fastnn_long_barrier(n_workers);
    if (waited > FASTNN_A_STALL)
        __atomic_add_fetch(&fastnn_pool.stalled, (long long)(1e6 * waited), __ATOMIC_RELAXED);
}

/* Barriers passed since the pool began. */
static unsigned fastnn_barriers(void)
{
    return __atomic_load_n(&fastnn_pool.passed, __ATOMIC_RELAXED);
}

/* Seconds that workers stalled since the pool began, all together. */
static double fastnn_stalled(void)
{
    return 1e-6 * (double)__atomic_load_n(&fastnn_pool.stalled, __ATOMIC_RELAXED);
}

typedef struct {
    int worker;
    unsigned job; /* the last one before the thread was started */
} FastnnWorker;

FASTNN_THREAD_FUNCTION(fastnn_worker, start)
{
    FastnnThreadPool *pool = &fastnn_pool;
    int worker = ((FastnnWorker *)start)->worker;
    unsigned job = ((FastnnWorker *)start)->job;
    for (;;) {
        int n;
        fastnn_wait(&pool->job, job);
        job = __atomic_load_n(&pool->job, __ATOMIC_ACQUIRE);
        n = job % FASTNN_JOBS;
        if (worker < n) { /* then no other job comes before this worker is through */
            pool->work(pool->argument, worker, n);
            fastnn_long_barrier(n);
        }
    }
    return 0; /* never: but some compilers want one */
}

static FastnnThread fastnn_threads[FASTNN_MAX_WORKERS];

/* In a forked child the threads are gone, and the lock may have been held. */
static void fastnn_forget_threads(void)
{
    static const FastnnThreadPool none = {FASTNN_LOCK, FASTNN_CONDITION};
    fastnn_pool = none;
}

/* Start threads until there are `wanted`; return how many there are. */
static int fastnn_start(int wanted)
{
    static FastnnWorker starts[FASTNN_MAX_WORKERS];
    static int forks_are_watched;
    FastnnThreadPool *pool = &fastnn_pool;
    if (pool->started >= wanted)
        return pool->started;
    if (!forks_are_watched && !fastnn_watch_forks(fastnn_forget_threads))
        return pool->started;
    forks_are_watched = 1;
    while (pool->started < wanted) {
        int worker = pool->started + 1;
        starts[worker].worker = worker;
        starts[worker].job = pool->job;
        if (!fastnn_create(&fastnn_threads[worker], fastnn_worker, &starts[worker]))
            break;
        pool->started++;
    }
    return pool->started;
}

#if defined(__linux__) && !defined(__ANDROID__) && defined(CPU_COUNT)
/* Keep workers off the caller's processor: some kernels wake them just there, where they wait until
 * the caller is through, or put the caller where they are. */
static void fastnn_keep_off(int n)
{
    FastnnThreadPool *pool = &fastnn_pool;
    cpu_set_t allowed;
    int here = sched_getcpu(), slept = __atomic_load_n(&pool->asleep, __ATOMIC_SEQ_CST) > 0;
    if (here < 0 || (here == pool->kept_off && n <= pool->n_kept && !slept))
        return;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    if (CPU_ISSET(here, &allowed) && CPU_COUNT(&allowed) >= n) /* there is one for each */
        CPU_CLR(here, &allowed);
    for (int worker = 1; worker < n; worker++)
        pthread_setaffinity_np(fastnn_threads[worker], sizeof allowed, &allowed);
    pool->kept_off = here;
    pool->n_kept = n;
}
#else
static void fastnn_keep_off(int n) { (void)n; }
#endif

/* Run work(argument, worker, n) in up to n workers; return how many there were. */
static int fastnn_run(FastnnWork work, void *argument, int n)
{
    FastnnThreadPool *pool = &fastnn_pool;
    if (n > FASTNN_MAX_WORKERS)
        n = FASTNN_MAX_WORKERS;
    if (n > 1 && __atomic_exchange_n(&pool->taken, 1, __ATOMIC_ACQUIRE) == 0) {
        int started = fastnn_start(n - 1);
        n = started + 1 < n ? started + 1 : n;
        if (n > 1) {
            pool->work = work;
            pool->argument = argument;
            fastnn_keep_off(n);
            fastnn_set(&pool->job, (pool->job / FASTNN_JOBS + 1) * FASTNN_JOBS + (unsigned)n);
            work(argument, 0, n);
            fastnn_long_barrier(n);
            __atomic_store_n(&pool->taken, 0, __ATOMIC_RELEASE);
            return n;
        }
        __atomic_store_n(&pool->taken, 0, __ATOMIC_RELEASE);
    }
    work(argument, 0, 1);
    return 1;
}

#else /* no threads */

static double fastnn_long_barrier(int n_workers) { return (void)n_workers, 0; }

static void fastnn_barrier(int n_workers) { (void)n_workers; }

static unsigned fastnn_barriers(void) { return 0; }

static double fastnn_stalled(void) { return 0; }

static int fastnn_run(FastnnWork work, void *argument, int n)
{
    (void)n;
    work(argument, 0, 1);
    return 1;
}

#endif
#endif

/* A team of threads that run one function together and meet at barriers.
 *
 * The caller is member 0; the others sleep in between. Waiting spins for about the time that
 * waking takes (some 100 us), then sleeps, so that idle members leave the processor to others.
 * There is one team in a process: whoever finds it taken works alone. Without POSIX threads
 * everybody does.
 */
#ifndef FASTNN_TEAM_H
#define FASTNN_TEAM_H

#if defined(__GNUC__) && !defined(_WIN32)
#define FASTNN_HAVE_THREADS 1
#include <pthread.h>
#include <signal.h>
#include <sched.h>
#endif

#define FASTNN_MOST_MEMBERS 64
#define FASTNN_JOBS 256 /* from one job's number to the next: more than the members */
#define FASTNN_SPINS 2000
#define FASTNN_A_WHILE 32 /* spins, some 1.5 us: meetings are mostly over by then */

typedef void (*FastnnWork)(void *argument, int member, int n_members);

#ifdef FASTNN_HAVE_THREADS

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int taken;   /* somebody's work is being done, or members are being started */
    int started; /* threads, the caller not counted */
    int kept_off; /* the processor that the first `n_kept` members are kept off */
    int n_kept;
    FastnnWork work;
    void *argument;
    char apart[64]; /* what is spun on stays off the lines above */
    unsigned job;     /* counts the works in its upper bits, has their members in the lower */
    char apart_too[64];
    unsigned meeting; /* counts the barriers */
    char apart_as_well[64];
    int arrived; /* at the barrier */
    int asleep;  /* members that wait for `changed` */
} FastnnTeam;

static FastnnTeam fastnn_team = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER};

static inline void fastnn_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Wait until *counter is no longer `old`. */
static void fastnn_wait(unsigned *counter, unsigned old)
{
    FastnnTeam *team = &fastnn_team;
    for (int i = 1; i <= FASTNN_SPINS; i++) {
        if (__atomic_load_n(counter, __ATOMIC_ACQUIRE) != old)
            return;
        if (i % FASTNN_A_WHILE)
            fastnn_relax();
        else /* whoever is waited for may have been put on this processor */
            sched_yield();
    }
    pthread_mutex_lock(&team->lock);
    /* First counted as asleep, then looked again: who changes the counter looks the other way
     * round, so that one of the two sees the other. */
    __atomic_add_fetch(&team->asleep, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(counter, __ATOMIC_SEQ_CST) == old)
        pthread_cond_wait(&team->changed, &team->lock);
    __atomic_sub_fetch(&team->asleep, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&team->lock);
}

static void fastnn_set(unsigned *counter, unsigned value)
{
    FastnnTeam *team = &fastnn_team;
    __atomic_store_n(counter, value, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&team->asleep, __ATOMIC_SEQ_CST) > 0) {
        pthread_mutex_lock(&team->lock);
        pthread_cond_broadcast(&team->changed);
        pthread_mutex_unlock(&team->lock);
    }
}

/* All members of the work at hand meet here; what they wrote before, all see afterwards. */
static void fastnn_meet(int n_members)
{
    FastnnTeam *team = &fastnn_team;
    unsigned meeting;
    if (n_members == 1)
        return;
    meeting = __atomic_load_n(&team->meeting, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&team->arrived, 1, __ATOMIC_ACQ_REL) == n_members) {
        __atomic_store_n(&team->arrived, 0, __ATOMIC_RELAXED);
        fastnn_set(&team->meeting, meeting + 1);
    } else {
        fastnn_wait(&team->meeting, meeting);
    }
}

typedef struct {
    int member;
    unsigned job; /* the last one before the thread was started */
} FastnnMember;

static void *fastnn_member(void *told)
{
    FastnnTeam *team = &fastnn_team;
    int member = ((FastnnMember *)told)->member;
    unsigned job = ((FastnnMember *)told)->job;
    for (;;) {
        int n;
        fastnn_wait(&team->job, job);
        job = __atomic_load_n(&team->job, __ATOMIC_ACQUIRE);
        n = job % FASTNN_JOBS;
        if (member < n) { /* then no other job comes before this member is through */
            team->work(team->argument, member, n);
            fastnn_meet(n);
        }
    }
    return NULL;
}

static pthread_t fastnn_threads[FASTNN_MOST_MEMBERS];

/* In a forked child the threads are gone, and the lock may have been held. */
static void fastnn_disband(void)
{
    static const FastnnTeam none = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER};
    fastnn_team = none;
}

/* Start threads until there are `wanted`; return how many there are. Signals are not for them. */
static int fastnn_start(int wanted)
{
    static FastnnMember told[FASTNN_MOST_MEMBERS];
    static int forks_are_watched;
    FastnnTeam *team = &fastnn_team;
    sigset_t all, before;
    if (team->started >= wanted)
        return team->started;
    if (!forks_are_watched && pthread_atfork(NULL, NULL, fastnn_disband) != 0)
        return team->started;
    forks_are_watched = 1;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (team->started < wanted) {
        pthread_t thread;
        int member = team->started + 1;
        told[member].member = member;
        told[member].job = team->job;
        if (pthread_create(&thread, NULL, fastnn_member, &told[member]) != 0)
            break;
        fastnn_threads[member] = thread;
        pthread_detach(thread);
        team->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return team->started;
}

#if defined(__linux__) && !defined(__ANDROID__) && defined(CPU_COUNT)
/* Keep members off the caller's processor: some kernels wake them just there, where they wait until
 * the caller is through, or put the caller where they are. */
static void fastnn_keep_off(int n)
{
    FastnnTeam *team = &fastnn_team;
    cpu_set_t allowed;
    int here = sched_getcpu(), slept = __atomic_load_n(&team->asleep, __ATOMIC_SEQ_CST) > 0;
    if (here < 0 || (here == team->kept_off && n <= team->n_kept && !slept))
        return;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    if (CPU_ISSET(here, &allowed) && CPU_COUNT(&allowed) >= n) /* there is one for each */
        CPU_CLR(here, &allowed);
    for (int member = 1; member < n; member++)
        pthread_setaffinity_np(fastnn_threads[member], sizeof allowed, &allowed);
    team->kept_off = here;
    team->n_kept = n;
}
#else
static void fastnn_keep_off(int n) { (void)n; }
#endif

/* Run work(argument, member, n) in up to n members; return how many there were. */
static int fastnn_run(FastnnWork work, void *argument, int n)
{
    FastnnTeam *team = &fastnn_team;
    if (n > FASTNN_MOST_MEMBERS)
        n = FASTNN_MOST_MEMBERS;
    if (n > 1 && __atomic_exchange_n(&team->taken, 1, __ATOMIC_ACQUIRE) == 0) {
        int started = fastnn_start(n - 1);
        n = started + 1 < n ? started + 1 : n;
        if (n > 1) {
            team->work = work;
            team->argument = argument;
            fastnn_keep_off(n);
            fastnn_set(&team->job, (team->job / FASTNN_JOBS + 1) * FASTNN_JOBS + (unsigned)n);
            work(argument, 0, n);
            fastnn_meet(n);
            __atomic_store_n(&team->taken, 0, __ATOMIC_RELEASE);
            return n;
        }
        __atomic_store_n(&team->taken, 0, __ATOMIC_RELEASE);
    }
    work(argument, 0, 1);
    return 1;
}

#else /* no threads */

static void fastnn_meet(int n_members) { (void)n_members; }

static int fastnn_run(FastnnWork work, void *argument, int n)
{
    (void)n;
    work(argument, 0, 1);
    return 1;
}

#endif
#endif

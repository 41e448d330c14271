/* What the thread pool needs of the system's threads, by one name each: POSIX's, or Windows'.
 *
 * FASTNN_HAVE_THREADS says that they are there: not for compilers without GCC's atomic operations,
 * and not where FASTNN_NO_THREADS asks for a trial of that.
 */
#ifndef FASTNN_THREADS_H
#define FASTNN_THREADS_H

#include "runtime/atomics.h"

#if defined(FASTNN_HAVE_ATOMICS) && !defined(FASTNN_NO_THREADS)
#define FASTNN_HAVE_THREADS 1

#ifdef _WIN32
#include "runtime/windows.h"

typedef SRWLOCK FastnnLock;
typedef CONDITION_VARIABLE FastnnCondition;
typedef HANDLE FastnnThread;
#define FASTNN_LOCK SRWLOCK_INIT
#define FASTNN_CONDITION CONDITION_VARIABLE_INIT
#define FASTNN_THREAD_FUNCTION(name, argument) static DWORD WINAPI name(LPVOID argument)

static inline void fastnn_lock(FastnnLock *lock) { AcquireSRWLockExclusive(lock); }

static inline void fastnn_unlock(FastnnLock *lock) { ReleaseSRWLockExclusive(lock); }

/* Wait without the lock until somebody wakes all who wait, or for no reason. */
static inline void fastnn_sleep(FastnnCondition *condition, FastnnLock *lock)
{
    SleepConditionVariableSRW(condition, lock, INFINITE, 0);
}

static inline void fastnn_wake(FastnnCondition *condition) { WakeAllConditionVariable(condition); }

static inline void fastnn_yield(void) { SwitchToThread(); }

/* Return whether it was started; it ends with the process. Ctrl-C has a thread of its own there. */
static int fastnn_create(FastnnThread *thread, LPTHREAD_START_ROUTINE function, void *argument)
{
    *thread = CreateThread(NULL, 0, function, argument, 0, NULL);
    if (*thread == NULL)
        return 0;
    CloseHandle(*thread);
    return 1;
}

static int fastnn_watch_forks(void (*in_child)(void)) { return (void)in_child, 1; }

#else
#include <pthread.h>
#include <sched.h>
#include <signal.h>

typedef pthread_mutex_t FastnnLock;
typedef pthread_cond_t FastnnCondition;
typedef pthread_t FastnnThread;
#define FASTNN_LOCK PTHREAD_MUTEX_INITIALIZER
#define FASTNN_CONDITION PTHREAD_COND_INITIALIZER
#define FASTNN_THREAD_FUNCTION(name, argument) static void *name(void *argument)

static inline void fastnn_lock(FastnnLock *lock) { pthread_mutex_lock(lock); }

static inline void fastnn_unlock(FastnnLock *lock) { pthread_mutex_unlock(lock); }

/* Wait without the lock until somebody wakes all who wait, or for no reason. */
static inline void fastnn_sleep(FastnnCondition *condition, FastnnLock *lock)
{
    pthread_cond_wait(condition, lock);
}

static inline void fastnn_wake(FastnnCondition *condition) { pthread_cond_broadcast(condition); }

static inline void fastnn_yield(void) { sched_yield(); }

/* Return whether it was started; it ends with the process, and signals are not for it. */
static int fastnn_create(FastnnThread *thread, void *(*function)(void *), void *argument)
{
    sigset_t all, before;
    int failed;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(thread, NULL, function, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return 0;
    pthread_detach(*thread);
    return 1;
}

/* Have forked children call this; return whether they will. */
static int fastnn_watch_forks(void (*in_child)(void))
{
    return pthread_atfork(NULL, NULL, in_child) == 0;
}

#endif
#endif
#endif

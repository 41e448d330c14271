/* Numbers that several threads read and change, in one step each and in no order.
 *
 * Compilers without GCC's atomic operations have no thread pool either (threads.h).
 */
#ifndef FASTNN_ATOMICS_H
#define FASTNN_ATOMICS_H

#if defined(__GNUC__) || defined(__clang__)
#define FASTNN_HAVE_ATOMICS 1
#define FASTNN_LOAD(number) __atomic_load_n(number, __ATOMIC_RELAXED)
#define FASTNN_STORE(number, value) __atomic_store_n(number, value, __ATOMIC_RELAXED)
#define FASTNN_FETCH_ADD(number, value) __atomic_fetch_add(number, value, __ATOMIC_RELAXED)
#else
#define FASTNN_LOAD(number) (*(number))
#define FASTNN_STORE(number, value) (*(number) = (value))
#define FASTNN_FETCH_ADD(number, value) ((*(number) += (value)) - (value))
#endif

#endif

/* The activation kernels of each instruction set, in tables. */
#ifndef FASTNN_ACTIVATIONS_H
#define FASTNN_ACTIVATIONS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "activation_numbers.h"
#include "isa.h"

#if defined(FASTNN_HAVE_VECTORS) && defined(__x86_64__)
#include <immintrin.h>
#endif

#define KERNELS "activation_kernels.h"
#include "each_isa.h"
#undef KERNELS

/* forward and backward by the number of the activation */
typedef struct {
    void (*forward[N_ACTIVATIONS])(double *z, ptrdiff_t size);
    void (*backward[N_ACTIVATIONS])(double *delta, const double *source, ptrdiff_t size);
    void (*softmax)(double *z, ptrdiff_t m, ptrdiff_t n);
    void (*softmax_backward)(double *delta, const double *a, ptrdiff_t m, ptrdiff_t n);
    void (*log)(double *x, ptrdiff_t size);
} ActivationsDouble;

typedef struct {
    void (*forward[N_ACTIVATIONS])(float *z, ptrdiff_t size);
    void (*backward[N_ACTIVATIONS])(float *delta, const float *source, ptrdiff_t size);
    void (*softmax)(float *z, ptrdiff_t m, ptrdiff_t n);
    void (*softmax_backward)(float *delta, const float *a, ptrdiff_t m, ptrdiff_t n);
    void (*log)(float *x, ptrdiff_t size);
} ActivationsFloat;

#define KERNEL(NAME, f, slope_from, way, type, isa) way##_##f##_##type##_##isa,
#define NO_KERNEL(NAME) NULL,
#define KERNELS_IN_ORDER(way, type, isa) {EACH_ACTIVATION(KERNEL, NO_KERNEL, way, type, isa)}
#define ACTIVATIONS(type, isa) { \
    KERNELS_IN_ORDER(forward, type, isa), KERNELS_IN_ORDER(backward, type, isa), \
    softmax_##type##_##isa, softmax_backward_##type##_##isa, forward_log_##type##_##isa}
#define OF_DOUBLE(isa) ACTIVATIONS(double, isa)
#define OF_FLOAT(isa) ACTIVATIONS(float, isa)
static const ActivationsDouble fastnn_activations_double[] = {FOR_EACH_ISA(OF_DOUBLE)};
static const ActivationsFloat fastnn_activations_float[] = {FOR_EACH_ISA(OF_FLOAT)};
#undef KERNEL
#undef NO_KERNEL
#undef KERNELS_IN_ORDER
#undef ACTIVATIONS
#undef OF_DOUBLE
#undef OF_FLOAT
#undef FOR_EACH_ISA

#endif

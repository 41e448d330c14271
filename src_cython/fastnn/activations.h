/* The activation kernels of each instruction set, in tables. */
#ifndef FASTNN_ACTIVATIONS_H
#define FASTNN_ACTIVATIONS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "isa.h"

#if defined(FASTNN_HAVE_VECTORS) && defined(__x86_64__)
#include <immintrin.h>
#endif

#define KERNELS "activation_kernels.h"
#include "each_isa.h"
#undef KERNELS

/* By the number of the activation, which _activations.pxd counts in this order. */
#define N_ACTIVATIONS 13

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

#define KERNEL(name, type, isa) name##_##type##_##isa
#define KERNELS_IN_ORDER(way, type, isa) { \
    NULL, KERNEL(way##_sigmoid, type, isa), KERNEL(way##_tanh, type, isa), \
    KERNEL(way##_relu, type, isa), NULL, KERNEL(way##_leaky_relu, type, isa), \
    KERNEL(way##_elu, type, isa), KERNEL(way##_selu, type, isa), KERNEL(way##_gelu, type, isa), \
    KERNEL(way##_silu, type, isa), KERNEL(way##_mish, type, isa), \
    KERNEL(way##_softplus, type, isa), KERNEL(way##_exp, type, isa)}
#define ACTIVATIONS(type, isa) { \
    KERNELS_IN_ORDER(forward, type, isa), KERNELS_IN_ORDER(backward, type, isa), \
    softmax_##type##_##isa, softmax_backward_##type##_##isa, forward_log_##type##_##isa}
#define OF_DOUBLE(isa) ACTIVATIONS(double, isa)
#define OF_FLOAT(isa) ACTIVATIONS(float, isa)
static const ActivationsDouble fastnn_activations_double[] = {FOR_EACH_ISA(OF_DOUBLE)};
static const ActivationsFloat fastnn_activations_float[] = {FOR_EACH_ISA(OF_FLOAT)};
#undef KERNEL
#undef KERNELS_IN_ORDER
#undef ACTIVATIONS
#undef OF_DOUBLE
#undef OF_FLOAT
#undef FOR_EACH_ISA

#endif

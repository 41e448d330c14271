/* Dropout for each instruction set, in tables. */
#ifndef FASTNN_MASKS_H
#define FASTNN_MASKS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "isa.h"

#if defined(FASTNN_HAVE_VECTORS) && defined(__x86_64__)
#include <immintrin.h>
#endif

#define KERNELS "mask_kernels.h"
#include "each_isa.h"
#undef KERNELS

typedef void (*DropoutDouble)(double *out, const double *inp, uint32_t start, ptrdiff_t size,
                              uint32_t below, double scale, uint32_t first, uint32_t second);
typedef void (*DropoutFloat)(float *out, const float *inp, uint32_t start, ptrdiff_t size,
                             uint32_t below, float scale, uint32_t first, uint32_t second);

#define OF_DOUBLE(isa) dropout_double_##isa
#define OF_FLOAT(isa) dropout_float_##isa
static const DropoutDouble fastnn_dropout_double[] = {FOR_EACH_ISA(OF_DOUBLE)};
static const DropoutFloat fastnn_dropout_float[] = {FOR_EACH_ISA(OF_FLOAT)};
#undef OF_DOUBLE
#undef OF_FLOAT
#undef FOR_EACH_ISA

#endif

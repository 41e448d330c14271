/* The kernels of narrow networks for each instruction set, in tables. */
#ifndef FASTNN_LANES_H
#define FASTNN_LANES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "isa.h"

#if defined(FASTNN_HAVE_VECTORS) && defined(__x86_64__)
#include <immintrin.h>
#endif

#define KERNELS "lane_kernels.h"
#include "each_isa.h"
#undef KERNELS

#define LANES_OF(REAL) \
    ptrdiff_t (*pick)(REAL *, ptrdiff_t, const REAL *, ptrdiff_t, const ptrdiff_t *, ptrdiff_t); \
    void (*product)(REAL *, const REAL *, ptrdiff_t, ptrdiff_t, const REAL *, const REAL *, \
                    const REAL *, ptrdiff_t, ptrdiff_t, ptrdiff_t, int); \
    void (*gradient)(REAL *, ptrdiff_t, ptrdiff_t, const REAL *, const REAL *, ptrdiff_t, \
                     ptrdiff_t, ptrdiff_t, int); \
    void (*totals)(REAL *, const REAL *, ptrdiff_t, REAL); \
    void (*softmax)(REAL *, ptrdiff_t, ptrdiff_t); \
    void (*softmax_delta)(REAL *, const REAL *, const REAL *, ptrdiff_t, ptrdiff_t);
typedef struct {
    LANES_OF(double)
    int (*cost_of_labels)(double *, const double *, const double *, const double *, ptrdiff_t,
                          double);
} LanesDouble;
typedef struct { LANES_OF(float) } LanesFloat;
#undef LANES_OF

#define LANES_SET(type, isa) \
    lane_pick_##type##_##isa, lane_product_##type##_##isa, lane_gradient_##type##_##isa, \
    lane_totals_##type##_##isa, lane_softmax_##type##_##isa, lane_softmax_delta_##type##_##isa
#define OF_DOUBLE(isa) {LANES_SET(double, isa), lane_cost_of_labels_double_##isa}
#define OF_FLOAT(isa) {LANES_SET(float, isa)}
static const LanesDouble fastnn_lanes_double[] = {FOR_EACH_ISA(OF_DOUBLE)};
static const LanesFloat fastnn_lanes_float[] = {FOR_EACH_ISA(OF_FLOAT)};
#undef LANES_SET
#undef OF_DOUBLE
#undef OF_FLOAT
#undef FOR_EACH_ISA

#endif

/* The full tiles of NEON, each in a function of its own whose inner loop can be looked at.
 *
 * KERNELS names the file that they are from. It is included for NEON alone, and what else is in it is
 * not compiled.
 */
#include "kernels/kernels.h"

#define FOREACH_FILE "simd/cpu.h" /* nothing more: for the names alone */
#include "simd/foreach_isa.h"

#define ISA neon
#define ISA_LEVEL 3
#define VECTOR_BYTES 16
#undef FOREACH_FILE
#define FOREACH_FILE KERNELS
#include "simd/foreach_real.h"

#ifdef OF_FEATURE_MAJOR
#define FUNCTIONS(type) \
    void lane_product_tile_##type(type *out, const type *factors, ptrdiff_t across, \
                                  ptrdiff_t along, const type *start, const type *inp, \
                                  ptrdiff_t depth, ptrdiff_t distance) \
    { \
        product_tile_##type##_neon(out, factors, across, along, start, inp, NULL, depth, distance, \
                                   set_##type##_neon(0), 5, 4); \
    } \
    void lane_gradient_tile_##type(type *gradient, ptrdiff_t n_in, const type *delta, \
                                   const type *inp, ptrdiff_t width) \
    { \
        const Sums_##type##_neon sums = {NULL, gradient, 1, 1, 0}; \
        gradient_tile_##type##_neon(&sums, 0, n_in, delta, inp, width, 5, 4); \
    }
#else
#define FUNCTIONS(type) \
    void dot_full_##type(type *C, ptrdiff_t ldc, const type *A, ptrdiff_t lda, const type *B, \
                         ptrdiff_t ldb, ptrdiff_t k) \
    { \
        dot_tile_##type##_neon(C, ldc, A, lda, B, ldb, NULL, 0, k, 4, 4); \
    } \
    void rank_down_##type(type *C, ptrdiff_t ldc, const type *A, ptrdiff_t lda, const type *B, \
                          ptrdiff_t ldb, ptrdiff_t k, type alpha, type beta) \
    { \
        rank_tile_##type##_neon(C, ldc, A, lda, B, ldb, NULL, k, alpha, beta, 1, 0, NULL, 4, 6, \
                                0); \
    } \
    void rank_across_##type(type *C, ptrdiff_t ldc, const type *A, ptrdiff_t lda, const type *B, \
                            ptrdiff_t ldb, const type *start, ptrdiff_t k) \
    { \
        rank_tile_##type##_neon(C, ldc, A, lda, B, ldb, start, k, 1, 0, 0, 0, NULL, 4, 6, 0); \
    } \
    void rank_of_panel_##type(type *C, ptrdiff_t ldc, const type *A, ptrdiff_t lda, \
                              const type *B, const type *start, ptrdiff_t k, const type *next) \
    { \
        rank_tile_##type##_neon(C, ldc, A, lda, B, 6 * (16 / sizeof(type)), start, k, 1, 0, 0, 1, \
                                next, 4, 6, 0); \
    }
#endif

FUNCTIONS(double)
FUNCTIONS(float)

/* Dropout by vectors: how a unit's number becomes 32 bits, dropout.pyx says. */
#include "kernels/kernels.h"

#ifndef REAL /* ---- once: the table ---- */

#define FOREACH_FILE "kernels/dropout.c"
#include "simd/foreach_isa.h"

#define OF_DOUBLE(isa) dropout_double_##isa
#define OF_FLOAT(isa) dropout_float_##isa
const DropoutDouble fastnn_dropout_double[] = {FOR_EACH_ISA(OF_DOUBLE)};
const DropoutFloat fastnn_dropout_float[] = {FOR_EACH_ISA(OF_FLOAT)};

#else /* ---- once for each instruction set and number type ---- */

#include "simd/simd.h"

#ifdef FASTNN_HAVE_VECTORS
typedef uint32_t NAME(units) __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef int32_t NAME(marks) __attribute__((vector_size(LANES * sizeof(int32_t))));
typedef PICK(int64_t, int32_t) NAME(wide_marks) __attribute__((vector_size(LANES * sizeof(REAL))));
/* All bits of a number's lane where its unit's mark is set. */
#define MARKED(those) __builtin_convertvector((NAME(marks))(those), NAME(wide_marks))
#else
typedef uint32_t NAME(units);
#define MARKED(those) (those)
#endif

INLINE NAME(units) NAME(hash)(NAME(units) i, uint32_t first, uint32_t second)
{
    NAME(units) x = i * 0x9e3779b9u + first;
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15) ^ second) * 0x846ca68bu;
    return x ^ (x >> 16);
}

/* out[i] := scale inp[i] if the hash of unit start + i is not below `below`, else 0 */
static void NAME(dropout)(REAL *out, const REAL *inp, uint32_t start, ptrdiff_t size,
                          uint32_t below, REAL scale, uint32_t first, uint32_t second)
{
    uint32_t numbers[LANES];
    NAME(units) units;
    for (uint32_t lane = 0; lane < LANES; lane++)
        numbers[lane] = start + lane;
    memcpy(&units, numbers, sizeof units);
    for (ptrdiff_t i = 0; i < size; i += LANES, units += LANES) {
        Vec kept = LoadNOr(0, inp + i, size - i) * scale;
        kept = IfThenElse(MARKED(NAME(hash)(units, first, second) >= below), kept, Zero());
        StoreN(kept, out + i, size - i);
    }
}
#undef MARKED

#endif

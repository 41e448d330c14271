/* Rows picked from many, copied one below the other.
 *
 * A memcpy of a size that the compiler does not know takes longer than to move a few numbers. Rows
 * of up to FEW_BYTES are copied in pieces of known sizes; the last one ends where the row does, and
 * may overlap the one before. */
#ifndef FASTNN_ROW_COPIES_H
#define FASTNN_ROW_COPIES_H
#include <stddef.h>
#include <string.h>

#define FEW_BYTES 256

#define FOR_EACH_ROW(COPY)                         \
    for (ptrdiff_t i = 0; i < m; i++) {            \
        char *to = out + i * size;                 \
        const char *from = rows + order[i] * size; \
        COPY;                                      \
    }
#define PIECE(at, bytes) memcpy(to + (at), from + (at), bytes)

/* out[i] := rows[order[i]] for i < m, rows of `size` bytes. */
static void fastnn_pick_rows(char *out, const char *rows, ptrdiff_t size, const ptrdiff_t *order,
                             ptrdiff_t m)
{
    if (size == 4) {
        FOR_EACH_ROW(PIECE(0, 4))
    } else if (size == 8) {
        FOR_EACH_ROW(PIECE(0, 8))
    } else if (8 < size && size <= 16) {
        FOR_EACH_ROW(PIECE(0, 8); PIECE(size - 8, 8))
    } else if (16 < size && size <= 32) {
        FOR_EACH_ROW(PIECE(0, 16); PIECE(size - 16, 16))
    } else if (32 < size && size <= FEW_BYTES) {
        FOR_EACH_ROW(for (ptrdiff_t k = 0; k < size - 32; k += 32) PIECE(k, 32);
                     PIECE(size - 32, 32))
    } else {
        FOR_EACH_ROW(memcpy(to, from, (size_t)size))
    }
}

#undef FEW_BYTES
#undef FOR_EACH_ROW
#undef PIECE
#endif

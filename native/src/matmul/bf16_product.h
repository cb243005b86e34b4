// Matmul in bf16 by tiles in registers: one or two tokens multiply packed weights as they are
// converted, more tokens panels. The includer defines, beside what bf16_loops.h asks for,
//   - TILE_TOKENS, at most 6, and multiply_tile, which adds the products of M tokens with the
//     columns of a panel to y, or sets y if they are the first;
//   - multiply_group, which computes 16 outputs of M tokens with packed weights.
#ifndef VD_MATMUL_BF16_PRODUCT_H
#define VD_MATMUL_BF16_PRODUCT_H

#include <assert.h>

#include "matmul/bf16_loops.h"
#include "matmul/weight_prefetch.h"

static_assert(TILE_TOKENS <= 6, "all tiles have a kernel");

// Multiplies M tokens; tiles are compiled for each number.
static void multiply_tokens(int64_t M, const token_value *x, int64_t stride, const panels *p,
                            int64_t columns, outputs_at at, int first) {
    switch (M) {
#define TILE(M)                                                                    \
    case M:                                                                        \
        multiply_tile(M <= TILE_TOKENS ? M : 1, x, stride, p, columns, at, first); \
        break;
        TILE(1)
        TILE(2)
        TILE(3)
        TILE(4)
        TILE(5)
        TILE(6)
#undef TILE
    }
}

// Multiplies all tokens, in tiles of nearly equal size.
static void multiply_panel(const vd_matmul *op, const tokens *t, vd_range rows, vd_range outputs,
                           int64_t k, int64_t first, int64_t columns, panels *p) {
    int64_t M = rows.end - rows.begin, tiles = vd_ceil_div(M, TILE_TOKENS);
    for (int64_t i = 0; i < tiles; i++) {
        int64_t begin = M * i / tiles, end = M * (i + 1) / tiles;
        outputs_at at = {op->y + (rows.begin + begin) * op->N + outputs.begin, op->N,
                         outputs.end - outputs.begin};
        multiply_tokens(end - begin, t->x + begin * t->stride + first, t->stride, p, columns, at,
                        k + first == 0);
    }
}

VD_INLINE void multiply_groups(const int type, const int M, const vd_matmul *op, vd_range rows,
                               vd_range groups, panels *p) {
    tokens t = convert_tokens(op, rows, 0, op->K, p);
    int64_t bytes = vd_packed_group_bytes(type, op->K);
    for (int64_t g = groups.begin; g < groups.end; g++) {
        vd_prefetcher prefetcher = vd_prefetcher_of((const uint8_t *)op->weights + g * bytes, bytes,
                                                    (groups.end - g) * bytes, 1);
        multiply_group(type, M, op, &t, rows.begin, g, &prefetcher);
    }
}

VD_INLINE void product(const int type, const vd_matmul *op, vd_range rows, vd_range units,
                       panels *p) {
    int64_t M = rows.end - rows.begin;
    if (vd_is_quantized(type) && M == 1 && op->K <= fitting_columns(1)) {
        multiply_groups(type, 1, op, rows, units, p);
    } else if (vd_is_quantized(type) && M == 2 && op->K <= fitting_columns(2)) {
        multiply_groups(type, 2, op, rows, units, p);
    } else {
        multiply_all(type, op, rows, units, p);
    }
}

#endif

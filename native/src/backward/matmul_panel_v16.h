// Panels of weights, expanded to floats: some rows of W, and of them the columns of a tile of dx.
#ifndef VD_BACKWARD_MATMUL_PANEL_V16_H
#define VD_BACKWARD_MATMUL_PANEL_V16_H

#include <string.h>

#include "backward/backward.h"
#include "core/rows.h"
#include "matmul/blocks_v16.h"

enum { PANEL_VECTORS = VD_BACKWARD_COLUMNS / 16 };

// Row r of 16 whose loaded columns 4q to 4q+3 are bytes 4r to 4r+3 of unit q: its 16 weights from
// column 16 h on.
VD_INLINE v16 row_weights(const int type, const uint8_t units[8][VD_UNIT_BYTES], int r, int h) {
    uint8_t bytes[16];
    for (int q = 0; q < 4; q++) {
        memcpy(bytes + 4 * q, units[4 * h + q] + 4 * r, 4);
    }
    v16i loaded = vd_columns_signed(type) && VD_SIGNED_BIAS == 0 ? v16i_load_signed_bytes(bytes)
                                                                 : v16i_load_bytes(bytes);
    return v16_from_int(v16i_sub(loaded, v16i_splat(vd_bias(type))));
}

// 16 packed rows of W: columns [k, k + 32).
VD_INLINE void expand_group(const int type, const vd_matmul_backward *op, int64_t group, int64_t k,
                            float *panel) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const uint8_t *codes =
        (const uint8_t *)op->weights + group * vd_packed_group_bytes(type, op->K);
    const uint8_t *factors = codes + vd_packed_factors(type, op->K) +
                             k / layout.elements * VD_PACK_ROWS * layout.factor_bytes;
    codes += k / VD_BLOCK * VD_UNIT_BYTES * vd_code_bits(type);
    const int halves = layout.sub_block == VD_BLOCK ? 1 : 2;  // with factors of their own
    float scales[2][VD_PACK_ROWS], minima[2][VD_PACK_ROWS];
    for (int h = 0; h < halves; h++) {
        int j = (int)(k % layout.elements / layout.sub_block) + h;
        v16_store(scales[h], vd_scales(type, factors, j));
        if (layout.minima) {
            v16_store(minima[h], vd_minima(type, factors, j));
        }
    }
    uint8_t units[8][VD_UNIT_BYTES];
    for (int q = 0; q < 8; q++) {
        v64 unit = vd_columns(type, codes, q);
        memcpy(units[q], &unit, sizeof units[q]);
    }
    for (int r = 0; r < VD_PACK_ROWS; r++) {
        for (int h = 0; h < PANEL_VECTORS; h++) {
            v16 w = row_weights(type, (const uint8_t(*)[VD_UNIT_BYTES])units, r, h);
            v16 s = v16_splat(scales[h % halves][r]);
            w = layout.minima ? v16_fma(w, s, v16_splat(minima[h % halves][r])) : v16_mul(w, s);
            v16_store(panel + r * VD_BACKWARD_COLUMNS + 16 * h, w);
        }
    }
}

// n rows of W from `first` on, a multiple of 16, of a packed type: whole groups of rows.
VD_INLINE void expand_groups(const int type, const vd_matmul_backward *op, int64_t first, int64_t n,
                             int64_t column, float *panel) {
    for (int64_t i = 0; i < n; i += VD_PACK_ROWS) {
        expand_group(type, op, (first + i) / VD_PACK_ROWS, column, panel + i * VD_BACKWARD_COLUMNS);
    }
}

// Columns behind the last one are 0.
VD_INLINE void expand_rows(const vd_matmul_backward *op, int64_t first, int64_t n, int64_t column,
                           float *panel) {
    int64_t columns = vd_at_most(op->K - column, VD_BACKWARD_COLUMNS);
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *row =
            (const uint8_t *)op->weights + (first + i) * vd_row_bytes(op->type, op->K);
        float *to = panel + i * VD_BACKWARD_COLUMNS;
        vd_expand_part(op->type, row, column, columns, to);
        memset(to + columns, 0, (size_t)(VD_BACKWARD_COLUMNS - columns) * sizeof *to);
    }
}

// Columns [column, column + VD_BACKWARD_COLUMNS) of n rows of W from `first` on, as floats.
static void expand_panel(const vd_matmul_backward *op, int64_t first, int64_t n, int64_t column,
                         float *panel) {
    switch (op->unpacked ? VD_F32 : op->type) {
        case VD_Q4_0:
            expand_groups(VD_Q4_0, op, first, n, column, panel);
            break;
        case VD_Q4_1:
            expand_groups(VD_Q4_1, op, first, n, column, panel);
            break;
        case VD_Q5_0:
            expand_groups(VD_Q5_0, op, first, n, column, panel);
            break;
        case VD_Q5_1:
            expand_groups(VD_Q5_1, op, first, n, column, panel);
            break;
        case VD_Q8_0:
            expand_groups(VD_Q8_0, op, first, n, column, panel);
            break;
        case VD_Q2_K:
            expand_groups(VD_Q2_K, op, first, n, column, panel);
            break;
        case VD_Q3_K:
            expand_groups(VD_Q3_K, op, first, n, column, panel);
            break;
        case VD_Q4_K:
            expand_groups(VD_Q4_K, op, first, n, column, panel);
            break;
        case VD_Q5_K:
            expand_groups(VD_Q5_K, op, first, n, column, panel);
            break;
        case VD_Q6_K:
            expand_groups(VD_Q6_K, op, first, n, column, panel);
            break;
        case VD_IQ4_NL:
            expand_groups(VD_IQ4_NL, op, first, n, column, panel);
            break;
        case VD_MXFP4:
            expand_groups(VD_MXFP4, op, first, n, column, panel);
            break;
        case VD_IQ4_XS:
            expand_groups(VD_IQ4_XS, op, first, n, column, panel);
            break;
        case VD_IQ3_S:
            expand_groups(VD_IQ3_S, op, first, n, column, panel);
            break;
        case VD_IQ3_XXS:
            expand_groups(VD_IQ3_XXS, op, first, n, column, panel);
            break;
        case VD_IQ2_S:
        case VD_IQ2_XS:
            expand_groups(VD_IQ2_S, op, first, n, column, panel);
            break;
        case VD_IQ2_XXS:
            expand_groups(VD_IQ2_XXS, op, first, n, column, panel);
            break;
        case VD_IQ1_M:
            expand_groups(VD_IQ1_M, op, first, n, column, panel);
            break;
        case VD_IQ1_S:
            expand_groups(VD_IQ1_S, op, first, n, column, panel);
            break;
        case VD_TQ2_0:
        case VD_TQ1_0:
            expand_groups(VD_TQ2_0, op, first, n, column, panel);
            break;
        default:
            expand_rows(op, first, n, column, panel);
    }
}

#endif

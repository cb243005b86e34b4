// Panels of weights, dequantized to floats: some rows of W, for the columns of a tile of dx.
#ifndef VD_BACKWARD_MATMUL_PANEL_V16_H
#define VD_BACKWARD_MATMUL_PANEL_V16_H

#include <string.h>

#include "backward/backward.h"
#include "matmul/blocks_v16.h"
#include "simd/prefetch.h"
#include "types/dequantize.h"

enum { PANEL_VECTORS = VD_BACKWARD_COLUMNS / 16 };

// Converts 16 loaded weights from bytes.
VD_INLINE f32x16 weights_of(const int type, const uint8_t *bytes) {
    i32x16 loaded = vd_columns_signed(type) && VD_SIGNED_BIAS == 0 ? i32x16_load_signed_bytes(bytes)
                                                                   : i32x16_load_bytes(bytes);
    return f32x16_from_int(i32x16_sub(loaded, i32x16_splat(vd_bias(type))));
}

// Loads and transposes columns [16 h, 16 h + 16) of 16 rows of a block: row 4q + i is at byte 16 q
// of transposed[i].
VD_INLINE void transpose_columns(const int type, const uint8_t *codes, int h,
                                 uint8_t transposed[4][VD_UNIT_BYTES]) {
    i8x64 units[4];
    for (int q = 0; q < 4; q++) {
        units[q] = vd_columns(type, codes, 4 * h + q);
    }
    i8x64_transpose_four(units);
    for (int i = 0; i < 4; i++) {
        i8x64_store(transposed[i], units[i]);
    }
}

// 16 packed rows of W from column k on.
typedef struct packed_columns {
    const uint8_t *codes;
    const uint8_t *factors;
} packed_columns;

VD_INLINE packed_columns packed_columns_of(int32_t type, const vd_matmul_backward *op,
                                           int64_t group, int64_t k) {
    vd_block_layout layout = vd_block_layout_of(type);
    const uint8_t *codes =
        (const uint8_t *)op->weights + group * vd_packed_group_bytes(type, op->K);
    return (packed_columns){
        .codes = codes + k / VD_BLOCK * VD_UNIT_BYTES * vd_code_bits(type),
        .factors = codes + vd_packed_factors(type, op->K) +
                   k / layout.elements * VD_PACK_ROWS * layout.factor_bytes,
    };
}

// Dequantizes columns [k, k + 32) of 16 packed rows of W.
VD_INLINE void expand_group(const int type, const vd_matmul_backward *op, int64_t group, int64_t k,
                            float *panel) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const packed_columns packed = packed_columns_of(type, op, group, k);
    const int halves = layout.sub_block == VD_BLOCK ? 1 : 2;  // halves with factors of their own
    float scales[2][VD_PACK_ROWS], minima[2][VD_PACK_ROWS];
    for (int h = 0; h < halves; h++) {
        int j = (int)(k % layout.elements / layout.sub_block) + h;
        f32x16_store(scales[h], vd_scales(type, packed.factors, j));
        if (layout.minima) {
            f32x16_store(minima[h], vd_minima(type, packed.factors, j));
        }
    }
    for (int h = 0; h < PANEL_VECTORS; h++) {
        uint8_t transposed[4][VD_UNIT_BYTES];
        transpose_columns(type, packed.codes, h, transposed);
        for (int r = 0; r < VD_PACK_ROWS; r++) {
            f32x16 w = weights_of(type, transposed[r % 4] + r / 4 * 16);
            f32x16 s = f32x16_splat(scales[h % halves][r]);
            w = layout.minima ? f32x16_fma(w, s, f32x16_splat(minima[h % halves][r]))
                              : f32x16_mul(w, s);
            f32x16_store(panel + r * VD_BACKWARD_COLUMNS + 16 * h, w);
        }
    }
}

// Dequantizes n rows of a packed type from `first` on, both multiples of 16 except at the end of W.
VD_INLINE void expand_groups(const int type, const vd_matmul_backward *op, int64_t first, int64_t n,
                             int64_t column, float *panel) {
    for (int64_t i = 0; i < n; i += VD_PACK_ROWS) {
        expand_group(type, op, (first + i) / VD_PACK_ROWS, column, panel + i * VD_BACKWARD_COLUMNS);
    }
}

// Converts rows that are not packed. Columns after the last one are 0.
VD_INLINE void expand_rows(const vd_matmul_backward *op, int64_t first, int64_t n, int64_t column,
                           float *panel) {
    int64_t columns = vd_min(op->K - column, VD_BACKWARD_COLUMNS);
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *row =
            (const uint8_t *)op->weights + (first + i) * vd_row_bytes(op->type, op->K);
        float *to = panel + i * VD_BACKWARD_COLUMNS;
        vd_dequantize_part(op->type, row, column, columns, to);
        memset(to + columns, 0, (size_t)(VD_BACKWARD_COLUMNS - columns) * sizeof *to);
    }
}

// Dequantizes columns [column, column + VD_BACKWARD_COLUMNS) of n rows of W from `first` on.
static void expand_panel(const vd_matmul_backward *op, int64_t first, int64_t n, int64_t column,
                         float *panel) {
    switch (op->unpacked ? VD_F32 : op->type) {
#define VD_BLOCK_TYPE(TYPE, name, ...) VD_TWIN_TYPE(TYPE, name, TYPE, name)
#define VD_TWIN_TYPE(TYPE, name, TWIN, twin, ...)              \
    case VD_##TYPE:                                            \
        expand_groups(VD_##TWIN, op, first, n, column, panel); \
        break;
#include "types/types.inc"
        default:
            expand_rows(op, first, n, column, panel);
    }
}

// Prefetches the next panel while the current one is multiplied: the rows of a panel are too far
// apart for the hardware prefetcher. Fetches nothing after the last row.
static void fetch_panel(const vd_matmul_backward *op, int64_t first, int64_t n, int64_t column) {
    n = vd_min(n, op->N - first);
    if (op->unpacked || !vd_is_quantized(op->type)) {
        int64_t row = vd_row_bytes(op->type, op->K);
        const uint8_t *begin = (const uint8_t *)op->weights + first * row + row * column / op->K;
        for (int64_t i = 0; i < n; i++) {
            vd_prefetch_near(begin + i * row, row * VD_BACKWARD_COLUMNS / op->K);
        }
        return;
    }
    for (int64_t i = 0; i < n; i += VD_PACK_ROWS) {
        packed_columns packed = packed_columns_of(op->type, op, (first + i) / VD_PACK_ROWS, column);
        vd_prefetch_near(packed.codes, VD_UNIT_BYTES * vd_code_bits(op->type));
        vd_prefetch_near(packed.factors, VD_PACK_ROWS * vd_block_layout_of(op->type).factor_bytes);
    }
}

#endif

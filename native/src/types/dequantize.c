#include "types/dequantize.h"

#include <math.h>

#include "types/block_fields.h"

// Dequantizes elements 32b to 32b+31 of a block.
static void expand(int32_t type, const uint8_t *block, int b, float *y) {
    vd_block_layout layout = vd_block_layout_of(type);
    uint8_t codes[VD_BLOCK];
    vd_block_codes(type, block, b, codes);
    for (int i = 0; i < VD_BLOCK; i += layout.sub_block) {
        int j = (b * VD_BLOCK + i) / layout.sub_block;
        vd_factor_codes factors = vd_block_factor_codes(type, block, j);
        float scale = vd_scale_of(type, vd_block_d(type, block), factors);
        float minimum =
            layout.minima ? vd_minimum_of(type, vd_block_dmin(type, block), factors) : 0.0f;
        for (int k = i; k < i + layout.sub_block; k++) {
            float w = (float)vd_code_weight(type, codes[k]);
            y[k] = layout.minima ? fmaf(w, scale, minimum) : w * scale;
        }
    }
}

void vd_dequantize_part(int32_t type, const uint8_t *row, int64_t first, int64_t n, float *y) {
    if (type == VD_F32) {
        memcpy(y, row + 4 * first, (size_t)n * sizeof *y);
    } else if (!vd_is_quantized(type)) {
        const uint8_t *from = row + 2 * first;
        for (int64_t i = 0; i < n; i++) {
            y[i] = type == VD_F16 ? vd_load_half(from + 2 * i) : vd_load_bfloat(from + 2 * i);
        }
    } else {
        vd_block_layout layout = vd_block_layout_of(type);
        for (int64_t k = first; k < first + n; k += VD_BLOCK) {
            const uint8_t *block = row + layout.file_bytes * (k / layout.elements);
            expand(type, block, (int)(k % layout.elements / VD_BLOCK), y + k - first);
        }
    }
}

void vd_dequantize_row(int32_t type, const uint8_t *row, int64_t K, float *y) {
    vd_dequantize_part(type, row, 0, K, y);
}

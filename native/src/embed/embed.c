// embed has one variant: a step reads a row per token, once.
#include <math.h>

#include "core/blocks.h"
#include "core/family.h"

vd_status vd_embed_check(const vd_op *op) {
    const vd_embed *embed = &op->as.embed;
    int valid = embed->table != NULL && embed->y != NULL && embed->V > 0 && embed->d > 0 &&
                (embed->index == VD_EMBED_TOKENS || embed->index == VD_EMBED_POSITIONS) &&
                embed->offset >= 0 && vd_row_bytes(embed->type, embed->d) > 0 &&
                op->rows == VD_ROWS_TOKENS;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// Elements 32b to 32b+31 of a block.
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

static void expand_row(int32_t type, const uint8_t *row, int32_t d, float *y) {
    if (type == VD_F32) {
        memcpy(y, row, (size_t)d * sizeof *y);
    } else if (!vd_is_quantized(type)) {
        for (int64_t i = 0; i < d; i++) {
            y[i] = type == VD_F16 ? vd_load_half(row + 2 * i) : vd_load_bfloat(row + 2 * i);
        }
    } else {
        int32_t elements = vd_block_layout_of(type).elements;
        for (int32_t k = 0; k < d; k += VD_BLOCK) {
            const uint8_t *block = row + vd_row_bytes(type, elements) * (k / elements);
            expand(type, block, k % elements / VD_BLOCK, y + k);
        }
    }
}

static int64_t row_of(const vd_embed *embed, const vd_batch *batch, int64_t i) {
    return embed->index == VD_EMBED_POSITIONS ? (int64_t)batch->positions[i] + embed->offset
                                              : batch->tokens[i];
}

void vd_embed_run(const vd_op *op, const vd_step *step) {
    const vd_embed *embed = &op->as.embed;
    int64_t row_bytes = vd_row_bytes(embed->type, embed->d);
    vd_range rows = vd_share(step->worker, step->rows);
    for (int64_t i = rows.begin; i < rows.end; i++) {
        const uint8_t *row =
            (const uint8_t *)embed->table + row_of(embed, step->batch, i) * row_bytes;
        expand_row(embed->type, row, embed->d, embed->y + i * embed->d);
    }
}

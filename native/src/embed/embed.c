// embed has one variant: a step reads a row per token, once.
#include <math.h>

#include "core/family.h"
#include "core/types.h"

vd_status vd_embed_check(const vd_op *op) {
    const vd_embed *embed = &op->as.embed;
    int valid = embed->table != NULL && embed->y != NULL && embed->V > 0 && embed->d > 0 &&
                vd_row_bytes(embed->type, embed->d) > 0 && op->rows == VD_ROWS_TOKENS;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

static void expand_nibbles(const uint8_t *q, float scale, float minimum, float *y) {
    for (int i = 0; i < VD_BLOCK / 2; i++) {
        y[i] = fmaf((float)(q[i] & 15), scale, minimum);
        y[i + VD_BLOCK / 2] = fmaf((float)(q[i] >> 4), scale, minimum);
    }
}

static void expand_block(int32_t type, const uint8_t *block, float *y) {
    float scale = vd_load_half(block);
    switch (type) {
        case VD_Q8_0:
            for (int i = 0; i < VD_BLOCK; i++) {
                y[i] = (float)(int8_t)block[2 + i] * scale;
            }
            break;
        case VD_Q4_0:
            for (int i = 0; i < VD_BLOCK / 2; i++) {
                y[i] = (float)((block[2 + i] & 15) - 8) * scale;
                y[i + VD_BLOCK / 2] = (float)((block[2 + i] >> 4) - 8) * scale;
            }
            break;
        default:
            expand_nibbles(block + 4, scale, vd_load_half(block + 2), y);
    }
}

static void expand_row(int32_t type, const uint8_t *row, int32_t d, float *y) {
    if (type == VD_F32) {
        memcpy(y, row, (size_t)d * sizeof *y);
    } else if (type == VD_F16) {
        for (int32_t i = 0; i < d; i++) {
            y[i] = vd_load_half(row + 2 * (int64_t)i);
        }
    } else {
        int64_t block_bytes = vd_row_bytes(type, VD_BLOCK);
        for (int32_t b = 0; b < d / VD_BLOCK; b++) {
            expand_block(type, row + b * block_bytes, y + b * VD_BLOCK);
        }
    }
}

void vd_embed_run(const vd_op *op, const vd_step *step) {
    const vd_embed *embed = &op->as.embed;
    int64_t row_bytes = vd_row_bytes(embed->type, embed->d);
    vd_range rows = vd_share(step->worker, step->rows);
    for (int64_t i = rows.begin; i < rows.end; i++) {
        const uint8_t *row = (const uint8_t *)embed->table + step->batch->tokens[i] * row_bytes;
        expand_row(embed->type, row, embed->d, embed->y + i * embed->d);
    }
}

// The reference implementation of parts of matmul.
#include <math.h>

#include "matmul/matmul_part.h"
#include "types/packed_row.h"

// Returns the sum of w * q over the sub-block of column k.
static int32_t multiply_sub_block(const packed_row *row, const int8_t *q, int64_t k, int n) {
    int32_t weights[VD_BLOCK];
    packed_weights(row, k, n, weights);
    int32_t sum = 0;
    for (int i = 0; i < n; i++) {
        sum += weights[i] * q[i];
    }
    return sum;
}

// Adds the sub-block of column k, with its integer sum, to an output.
static float add_sub_block(const packed_row *row, const vd_quantized *xq, int64_t at, int64_t k,
                           int n, int32_t sum, float acc) {
    float scale = xq->scale[at / VD_BLOCK];
    acc = fmaf((float)sum, packed_scale(row, k) * scale, acc);
    if (vd_block_layout_of(row->type).minima) {
        int32_t q_sum = 0;
        for (int i = 0; i < n; i++) {
            q_sum += xq->q[at + i];
        }
        acc = fmaf(packed_minimum(row, k), scale * (float)q_sum, acc);
    }
    return acc;
}

void vd_matmul_part_scalar(const vd_matmul *op, int64_t m, int64_t g, vd_range k, vd_part part,
                           int32_t *integers) {
    int n = vd_block_layout_of(op->type).sub_block;
    int64_t end = vd_min((g + 1) * VD_PACK_ROWS, op->N);
    for (int64_t output = g * VD_PACK_ROWS; output < end; output++) {
        packed_row row = packed_row_of(op->weights, op->type, op->K, output);
        float *y = op->y + m * op->N + output;
        float acc = part == VD_PART_ADD ? *y : 0.0f;
        int32_t *sum = integers + output % VD_PACK_ROWS;
        for (int64_t i = k.begin; i < k.end; i += n, sum += VD_PACK_ROWS) {
            int64_t at = m * op->K + i;
            int32_t of_block =
                part == VD_PART_ADD ? *sum : multiply_sub_block(&row, op->xq.q + at, i, n);
            if (part == VD_PART_MULTIPLY) {
                *sum = of_block;
            } else {
                acc = add_sub_block(&row, &op->xq, at, i, n, of_block, acc);
            }
        }
        if (part != VD_PART_MULTIPLY) {
            *y = acc;
        }
    }
}

// The reference implementation of matmul (docs/numerics.md).
#include <math.h>

#include "matmul/matmul.h"
#include "simd/lane_sum.h"
#include "types/packed_row.h"
#include "types/types.h"

static float float_weight(const vd_matmul *op, int64_t n, int64_t k) {
    int64_t i = n * op->K + k;
    const uint8_t *weights = op->weights;
    switch (op->type) {
        case VD_F32:
            return vd_load_float(weights + 4 * i);
        case VD_F16:
            return vd_load_half(weights + 2 * i);
        default:
            return vd_load_bfloat(weights + 2 * i);
    }
}

void vd_matmul_float_scalar(const vd_matmul *op, vd_range rows, vd_range units) {
    for (int64_t m = rows.begin; m < rows.end; m++) {
        for (int64_t n = units.begin; n < units.end; n++) {
            float lane[VD_LANES] = {0};
            for (int64_t k = 0; k < op->K; k++) {
                float w = float_weight(op, n, k);
                lane[k % VD_LANES] = fmaf(op->x[m * op->K + k], w, lane[k % VD_LANES]);
            }
            op->y[m * op->N + n] = vd_reduce_lanes(lane);
        }
    }
}

static float quantized_output(const packed_row *row, const vd_quantized *xq, int64_t m, int64_t K) {
    vd_block_layout layout = vd_block_layout_of(row->type);
    float acc = 0.0f;
    for (int64_t k = 0; k < K; k += layout.sub_block) {
        int32_t weights[VD_BLOCK];
        packed_weights(row, k, layout.sub_block, weights);
        int32_t sum = 0, q_sum = 0;
        for (int i = 0; i < layout.sub_block; i++) {
            int32_t q = xq->q[m * K + k + i];
            sum += weights[i] * q;
            q_sum += q;
        }
        float scale = xq->scale[(m * K + k) / VD_BLOCK];
        acc = fmaf((float)sum, packed_scale(row, k) * scale, acc);
        if (layout.minima) {
            acc = fmaf(packed_minimum(row, k), scale * (float)q_sum, acc);
        }
    }
    return acc;
}

void vd_matmul_quantized_scalar(const vd_matmul *op, vd_range rows, vd_range units) {
    int64_t end = vd_min(units.end * VD_PACK_ROWS, op->N);
    for (int64_t m = rows.begin; m < rows.end; m++) {
        for (int64_t n = units.begin * VD_PACK_ROWS; n < end; n++) {
            packed_row row = packed_row_of(op->weights, op->type, op->K, n);
            op->y[m * op->N + n] = quantized_output(&row, &op->xq, m, op->K);
        }
    }
}

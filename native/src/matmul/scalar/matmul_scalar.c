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

void vd_matmul_float_scalar(const vd_matmul *op, vd_range rows, vd_range units, vd_range k) {
    (void)k;
    for (int64_t m = rows.begin; m < rows.end; m++) {
        for (int64_t n = units.begin; n < units.end; n++) {
            float lane[VD_LANES] = {0};
            for (int64_t i = 0; i < op->K; i++) {
                float w = float_weight(op, n, i);
                lane[i % VD_LANES] = fmaf(op->x[m * op->K + i], w, lane[i % VD_LANES]);
            }
            op->y[m * op->N + n] = vd_reduce_lanes(lane);
        }
    }
}

// Adds columns [k, end) to a sum.
static float add_columns(const packed_row *row, const vd_quantized *xq, int64_t m, int64_t K,
                         int64_t k, int64_t end, float acc) {
    vd_block_layout layout = vd_block_layout_of(row->type);
    for (; k < end; k += layout.sub_block) {
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

void vd_matmul_quantized_scalar(const vd_matmul *op, vd_range rows, vd_range units, vd_range k) {
    int64_t end = vd_min(units.end * VD_PACK_ROWS, op->N);
    for (int64_t m = rows.begin; m < rows.end; m++) {
        for (int64_t n = units.begin * VD_PACK_ROWS; n < end; n++) {
            packed_row row = packed_row_of(op->weights, op->type, op->K, n);
            float *y = &op->y[m * op->N + n];
            float sum = k.begin > 0 ? *y : 0.0f;
            *y = add_columns(&row, &op->xq, m, op->K, k.begin, k.end, sum);
        }
    }
}

// ---- bf16 --------------------------------------------------------------------------------------

typedef float block[VD_BLOCK];

// Rounds columns [k, k + n) of row m of x; others of the block are 0.
static void round_activations(const vd_matmul *op, int64_t m, int64_t k, int64_t n, block x) {
    for (int64_t i = 0; i < VD_BLOCK; i++) {
        x[i] = i < n ? vd_round_to_bf16(op->x[m * op->K + k + i]) : 0.0f;
    }
}

static void round_float_weights(const vd_matmul *op, int64_t row, int64_t k, int64_t n, block w) {
    for (int64_t i = 0; i < VD_BLOCK; i++) {
        w[i] = i < n ? vd_round_to_bf16(float_weight(op, row, k + i)) : 0.0f;
    }
}

static void round_quantized_weights(const packed_row *row, int64_t k, block w) {
    int32_t weights[VD_BLOCK];
    packed_weights(row, k, VD_BLOCK, weights);
    for (int i = 0; i < VD_BLOCK; i++) {
        float scale = packed_scale(row, k + i);
        int has_minimum = vd_block_layout_of(row->type).minima;
        float value = has_minimum ? fmaf((float)weights[i], scale, packed_minimum(row, k + i))
                                  : (float)weights[i] * scale;
        w[i] = vd_round_to_bf16(value);
    }
}

static float multiply_block(const block x, const block w) {
    float even = 0.0f, odd = 0.0f;
    for (int i = 0; i < VD_BLOCK; i += 2) {
        even = fmaf(x[i], w[i], even);
        odd = fmaf(x[i + 1], w[i + 1], odd);
    }
    return even + odd;
}

// Adds the products of a block of columns to y[m][n] of all rows m.
static void add_block(const vd_matmul *op, vd_range rows, int64_t n, int64_t k, const block w) {
    for (int64_t m = rows.begin; m < rows.end; m++) {
        block x;
        round_activations(op, m, k, vd_min(op->K - k, VD_BLOCK), x);
        op->y[m * op->N + n] += multiply_block(x, w);
    }
}

static void clear_outputs(const vd_matmul *op, vd_range rows, int64_t n) {
    for (int64_t m = rows.begin; m < rows.end; m++) {
        op->y[m * op->N + n] = 0.0f;
    }
}

void vd_matmul_bf16_float_scalar(const vd_matmul *op, vd_range rows, vd_range units, void *panels) {
    (void)panels;
    for (int64_t n = units.begin; n < units.end; n++) {
        clear_outputs(op, rows, n);
        for (int64_t k = 0; k < op->K; k += VD_BLOCK) {
            block w;
            round_float_weights(op, n, k, vd_min(op->K - k, VD_BLOCK), w);
            add_block(op, rows, n, k, w);
        }
    }
}

void vd_matmul_bf16_quantized_scalar(const vd_matmul *op, vd_range rows, vd_range units,
                                     void *panels) {
    (void)panels;
    int64_t end = vd_min(units.end * VD_PACK_ROWS, op->N);
    for (int64_t n = units.begin * VD_PACK_ROWS; n < end; n++) {
        packed_row row = packed_row_of(op->weights, op->type, op->K, n);
        clear_outputs(op, rows, n);
        for (int64_t k = 0; k < op->K; k += VD_BLOCK) {
            block w;
            round_quantized_weights(&row, k, w);
            add_block(op, rows, n, k, w);
        }
    }
}

// The definition of matmul in docs/numerics.md.
#include <math.h>

#include "core/lanes.h"
#include "core/types.h"
#include "matmul/matmul.h"

static float float_weight(const vd_matmul *op, int64_t n, int64_t k) {
    int64_t i = n * op->K + k;
    const uint8_t *weights = op->weights;
    return op->type == VD_F32 ? vd_load_float(weights + 4 * i) : vd_load_half(weights + 2 * i);
}

static void float_product(const vd_matmul *op, vd_range rows, vd_range units) {
    for (int64_t m = rows.begin; m < rows.end; m++) {
        for (int64_t n = units.begin; n < units.end; n++) {
            float lane[VD_LANES] = {0};
            for (int64_t k = 0; k < op->K; k++) {
                float w = float_weight(op, n, k);
                lane[k % VD_LANES] = fmaf(op->x[m * op->K + k], w, lane[k % VD_LANES]);
            }
            op->y[m * op->N + n] = vd_merge_lanes(lane);
        }
    }
}

// One row of a packed group.
typedef struct packed_row {
    const uint8_t *quants;
    const uint8_t *factors;
    int32_t type;
    int32_t r;
} packed_row;

static int32_t weight(const packed_row *row, int64_t block, int k) {
    int bits = vd_code_bits(row->type);
    int byte = bits == 8 ? k : k % (VD_BLOCK / 2);
    const uint8_t *unit =
        row->quants + block * VD_UNIT_BYTES * bits + (byte / 4 * VD_PACK_ROWS + row->r) * 4;
    uint8_t code = unit[byte % 4];
    if (row->type == VD_Q8_0) {
        return (int8_t)code;
    }
    int32_t nibble = k < VD_BLOCK / 2 ? code & 15 : code >> 4;
    return row->type == VD_Q4_0 ? nibble - 8 : nibble;
}

static float factor(const packed_row *row, int64_t block, int which) {
    int halves = vd_block_layout_of(row->type).factor_bytes / 2;
    return vd_load_half(row->factors + ((block * halves + which) * VD_PACK_ROWS + row->r) * 2);
}

static float quantized_output(const packed_row *row, const vd_quantized *xq, int64_t m, int64_t K) {
    int64_t blocks = K / VD_BLOCK;
    float acc = 0.0f;
    for (int64_t b = 0; b < blocks; b++) {
        int64_t i = m * blocks + b;
        int32_t sum = 0;
        for (int k = 0; k < VD_BLOCK; k++) {
            sum += weight(row, b, k) * xq->q[i * VD_BLOCK + k];
        }
        acc = fmaf((float)sum, factor(row, b, 0) * xq->scale[i], acc);
        if (row->type == VD_Q4_1) {
            acc = fmaf(factor(row, b, 1), xq->scaled_sum[i], acc);
        }
    }
    return acc;
}

static void quantized_product(const vd_matmul *op, vd_range rows, vd_range units) {
    int64_t group_bytes = vd_packed_group_bytes(op->type, op->K);
    int64_t end = units.end * VD_PACK_ROWS < op->N ? units.end * VD_PACK_ROWS : op->N;
    for (int64_t m = rows.begin; m < rows.end; m++) {
        for (int64_t n = units.begin * VD_PACK_ROWS; n < end; n++) {
            const uint8_t *group = (const uint8_t *)op->weights + n / VD_PACK_ROWS * group_bytes;
            packed_row row = {.quants = group,
                              .factors = group + vd_packed_factors(op->type, op->K),
                              .type = op->type,
                              .r = (int32_t)(n % VD_PACK_ROWS)};
            op->y[m * op->N + n] = quantized_output(&row, &op->xq, m, op->K);
        }
    }
}

void vd_matmul_f32_scalar(const vd_matmul *op, vd_range rows, vd_range units) {
    float_product(op, rows, units);
}

void vd_matmul_f16_scalar(const vd_matmul *op, vd_range rows, vd_range units) {
    float_product(op, rows, units);
}

void vd_matmul_q4_0_scalar(const vd_matmul *op, vd_range rows, vd_range units) {
    quantized_product(op, rows, units);
}

void vd_matmul_q4_1_scalar(const vd_matmul *op, vd_range rows, vd_range units) {
    quantized_product(op, rows, units);
}

void vd_matmul_q8_0_scalar(const vd_matmul *op, vd_range rows, vd_range units) {
    quantized_product(op, rows, units);
}

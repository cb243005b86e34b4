// The reference implementation of matmul_backward (docs/numerics.md).
#include <math.h>

#include "backward/backward.h"
#include "types/dequantize.h"
#include "types/packed_row.h"

// Dequantizes columns [column, column + n) of row r of W.
static void weights_of(const vd_matmul_backward *op, int64_t r, int64_t column, int64_t n,
                       float *w) {
    if (op->unpacked || !vd_is_quantized(op->type)) {
        const uint8_t *rows = op->weights;
        vd_dequantize_part(op->type, rows + r * vd_row_bytes(op->type, op->K), column, n, w);
        return;
    }
    vd_block_layout layout = vd_block_layout_of(op->type);
    packed_row row = packed_row_of(op->weights, op->type, op->K, r);
    int32_t integers[VD_BLOCK];
    packed_weights(&row, column, VD_BLOCK, integers);
    for (int64_t i = 0; i < n; i++) {
        float scale = packed_scale(&row, column + i);
        w[i] = layout.minima ? fmaf((float)integers[i], scale, packed_minimum(&row, column + i))
                             : (float)integers[i] * scale;
    }
}

void vd_matmul_backward_scalar(const vd_matmul_backward *op, const int32_t *row_indices,
                               vd_range rows, int64_t column, void *scratch) {
    (void)scratch;
    int64_t columns = vd_min(op->K - column, VD_BACKWARD_COLUMNS);
    for (int64_t m = rows.begin; m < rows.end; m++) {
        float *dx = op->dx + vd_row_of(row_indices, m) * op->K + column;
        memset(dx, 0, (size_t)columns * sizeof *dx);
    }
    for (int64_t n = 0; n < op->N; n++) {
        float w[VD_BACKWARD_COLUMNS];
        weights_of(op, n, column, columns, w);
        for (int64_t m = rows.begin; m < rows.end; m++) {
            float *dx = op->dx + vd_row_of(row_indices, m) * op->K + column;
            float dy = op->dy[vd_row_of(row_indices, m) * op->N + n];
            for (int64_t i = 0; i < columns; i++) {
                dx[i] = fmaf(dy, w[i], dx[i]);
            }
        }
    }
    for (int64_t m = rows.begin; m < rows.end; m++) {
        float *dx = op->dx + vd_row_of(row_indices, m) * op->K + column;
        for (int64_t i = 0; i < columns; i++) {
            dx[i] += 0.0f;
        }
    }
}

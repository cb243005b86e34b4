// The definition of conv in docs/numerics.md.
#include "conv/conv.h"

#include <math.h>

void vd_conv_scalar(const vd_conv *op, const vd_batch *batch, vd_range columns) {
    for (int64_t i = 0; i < batch->n_tokens; i++) {
        int64_t sequence = batch->sequences[i];
        int32_t position = batch->positions[i];
        int32_t first = vd_window_begin(op->L, VD_WINDOW_SLIDING, position);
        for (int64_t c = columns.begin; c < columns.end; c++) {
            vd_conv_row(op, batch, sequence, position)[c] = op->x[i * op->d + c];
            float sum = 0;
            for (int32_t t = first; t <= position; t++) {
                const float *kernel = op->kernel + (int64_t)(op->L - 1 - position + t) * op->d;
                sum = fmaf(kernel[c], vd_conv_row(op, batch, sequence, t)[c], sum);
            }
            op->y[i * op->d + c] = sum;
        }
    }
}

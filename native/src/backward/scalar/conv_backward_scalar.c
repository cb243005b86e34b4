// The reference implementation of conv_backward (docs/numerics.md).
#include <math.h>

#include "backward/backward.h"

void vd_conv_backward_scalar(const vd_conv_backward *op, const vd_batch *batch, vd_range columns) {
    for (int64_t i = 0; i < batch->n_tokens; i++) {
        int64_t end = vd_conv_reach(op, batch, i);
        for (int64_t c = columns.begin; c < columns.end; c++) {
            float sum = 0;
            for (int64_t j = i; j < end; j++) {
                const float *kernel = vd_conv_weights(op, batch, i, j);
                sum = fmaf(kernel[c], op->dy[j * op->d + c], sum);
            }
            op->dx[i * op->d + c] = sum;
        }
    }
}

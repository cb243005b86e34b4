// conv over 16 lanes, which are columns.
#include "conv/conv.h"
#include "simd/part_v16.h"

void VD_NAME(vd_conv)(const vd_conv *op, const vd_batch *batch, vd_range columns) {
    for (int64_t i = 0; i < batch->n_tokens; i++) {
        int64_t sequence = batch->sequences[i];
        int32_t position = batch->positions[i];
        int32_t first = vd_window_begin(op->L, VD_WINDOW_SLIDING, position);
        const float *kernel = op->kernel + (int64_t)(op->L - 1 - position + first) * op->d;
        for (int64_t c = columns.begin; c < columns.end; c += 16) {
            int64_t left = columns.end - c;
            f32x16 own = f32x16_load_up_to(op->x + i * op->d + c, left);
            f32x16_store_up_to(vd_conv_row(op, batch, sequence, position) + c, own, left);
            f32x16 sum = f32x16_zero();
            const float *weights = kernel + c;
            for (int32_t t = first; t < position; t++, weights += op->d) {
                f32x16 row = f32x16_load_up_to(vd_conv_row(op, batch, sequence, t) + c, left);
                sum = f32x16_fma(f32x16_load_up_to(weights, left), row, sum);
            }
            sum = f32x16_fma(f32x16_load_up_to(weights, left), own, sum);
            f32x16_store_up_to(op->y + i * op->d + c, sum, left);
        }
    }
}

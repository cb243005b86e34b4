// conv_backward over 16 lanes, which are columns.
#include "backward/backward.h"
#include "simd/part_v16.h"

static void VD_NAME(vd_conv_backward)(const vd_conv_backward *op, const vd_batch *batch,
                                      vd_range columns) {
    for (int64_t i = 0; i < batch->n_tokens; i++) {
        int64_t end = vd_conv_reach(op, batch, i);
        for (int64_t c = columns.begin; c < columns.end; c += 16) {
            int64_t left = columns.end - c;
            f32x16 sum = f32x16_zero();
            for (int64_t j = i; j < end; j++) {
                f32x16 weights = f32x16_load_up_to(vd_conv_weights(op, batch, i, j) + c, left);
                sum = f32x16_fma(weights, f32x16_load_up_to(op->dy + j * op->d + c, left), sum);
            }
            f32x16_store_up_to(op->dx + i * op->d + c, sum, left);
        }
    }
}

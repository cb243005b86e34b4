// expert_sum_backward over 16 lanes.
#include "backward/backward.h"
#include "simd/part_v16.h"

static void VD_NAME(vd_expert_sum_backward)(const vd_expert_sum_backward *op, vd_range rows) {
    int64_t d = op->d;
    for (int64_t slot = rows.begin * op->k; slot < rows.end * op->k; slot++) {
        const float *dy = op->dy + slot / op->k * d, *x = op->x + slot * d;
        f32x16 weight = f32x16_splat(op->weights[slot]), sum = f32x16_zero();
        for (int64_t i = 0; i < d; i += 16) {
            f32x16 g = f32x16_load_up_to(dy + i, d - i);
            f32x16_store_up_to(op->dx + slot * d + i, f32x16_mul(weight, g), d - i);
            sum = f32x16_fma(g, f32x16_load_up_to(x + i, d - i), sum);
        }
        op->dweights[slot] = f32x16_reduce_add(sum);
    }
}

// The reference implementation of expert_sum_backward (docs/numerics.md).
#include <math.h>

#include "backward/backward.h"
#include "simd/lane_sum.h"

void vd_expert_sum_backward_scalar(const vd_expert_sum_backward *op, vd_range rows) {
    for (int64_t slot = rows.begin * op->k; slot < rows.end * op->k; slot++) {
        const float *dy = op->dy + slot / op->k * op->d, *x = op->x + slot * op->d;
        float lane[VD_LANES] = {0};
        for (int32_t i = 0; i < op->d; i++) {
            op->dx[slot * op->d + i] = op->weights[slot] * dy[i];
            lane[i % VD_LANES] = fmaf(dy[i], x[i], lane[i % VD_LANES]);
        }
        op->dweights[slot] = vd_reduce_lanes(lane);
    }
}

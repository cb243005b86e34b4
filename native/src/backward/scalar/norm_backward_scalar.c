// The reference implementation of norm_backward (docs/numerics.md).
#include <math.h>

#include "backward/backward.h"
#include "simd/lane_sum.h"

typedef struct statistics {
    float center;
    float inverse;  // 1 / divisor
} statistics;

static statistics statistics_of(const vd_norm_backward *op, const float *x) {
    float lane[VD_LANES] = {0};
    float center = 0.0f;
    if (op->kind == VD_NORM_LAYER) {
        for (int32_t i = 0; i < op->d; i++) {
            lane[i % VD_LANES] += x[i];
        }
        center = vd_reduce_lanes(lane) / (float)op->d;
    }
    float squares[VD_LANES] = {0};
    for (int32_t i = 0; i < op->d; i++) {
        float c = x[i] - center;
        squares[i % VD_LANES] = fmaf(c, c, squares[i % VD_LANES]);
    }
    float scale = sqrtf(vd_reduce_lanes(squares) / (float)op->d + op->epsilon);
    return (statistics){center, 1.0f / scale};
}

static void head_backward(const vd_norm_backward *op, int64_t head) {
    const float *x = op->x + head * op->d, *dy = op->dy + head * op->d;
    const float *gain = op->gain == NULL ? NULL
                        : op->per_head   ? op->gain + head % op->heads * op->d
                                         : op->gain;
    float *dx = op->dx + head * op->d;
    statistics s = statistics_of(op, x);
    float sums[VD_LANES] = {0}, products[VD_LANES] = {0};
    for (int32_t i = 0; i < op->d; i++) {
        float g = gain == NULL ? dy[i] : dy[i] * gain[i];
        float normalized = (x[i] - s.center) * s.inverse;
        sums[i % VD_LANES] += g;
        products[i % VD_LANES] = fmaf(g, normalized, products[i % VD_LANES]);
    }
    float mean = op->kind == VD_NORM_LAYER ? vd_reduce_lanes(sums) / (float)op->d : 0.0f;
    float along = op->frozen ? 0.0f : vd_reduce_lanes(products) / (float)op->d;
    for (int32_t i = 0; i < op->d; i++) {
        float g = gain == NULL ? dy[i] : dy[i] * gain[i];
        float normalized = (x[i] - s.center) * s.inverse;
        dx[i] = fmaf(-along, normalized, g - mean) * s.inverse;
    }
}

void vd_norm_backward_scalar(const vd_norm_backward *op, vd_range heads) {
    for (int64_t head = heads.begin; head < heads.end; head++) {
        head_backward(op, head);
    }
}

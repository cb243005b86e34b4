// The reference implementation of norm and gain (docs/numerics.md).
#include <math.h>

#include "norm/norm.h"
#include "simd/lane_sum.h"

static float mean(const float *x, int32_t d) {
    float lane[VD_LANES] = {0};
    for (int32_t i = 0; i < d; i++) {
        lane[i % VD_LANES] += x[i];
    }
    return vd_reduce_lanes(lane) / (float)d;
}

static float mean_square(const float *x, float center, int32_t d) {
    float lane[VD_LANES] = {0};
    for (int32_t i = 0; i < d; i++) {
        float c = x[i] - center;
        lane[i % VD_LANES] = fmaf(c, c, lane[i % VD_LANES]);
    }
    return vd_reduce_lanes(lane) / (float)d;
}

static float affine(float x, vd_affine a, int32_t i) {
    if (a.gain == NULL) {
        return a.bias == NULL ? x : x + a.bias[i];
    }
    return a.bias == NULL ? x * a.gain[i] : fmaf(x, a.gain[i], a.bias[i]);
}

void vd_norm_scalar(const vd_norm *op, vd_range heads) {
    for (int64_t head = heads.begin; head < heads.end; head++) {
        const float *x = op->x + head * op->d;
        float *y = op->y + head * op->d;
        float center = op->kind == VD_NORM_LAYER ? mean(x, op->d) : 0.0f;
        float scale = op->divisor != NULL ? op->divisor[head]
                                          : sqrtf(mean_square(x, center, op->d) + op->epsilon);
        float inverse = 1.0f / scale;
        vd_affine all = {op->gain, op->bias};
        vd_affine own = vd_affine_of(all, op->per_head, head, op->heads, op->d);
        for (int32_t i = 0; i < op->d; i++) {
            y[i] = affine((x[i] - center) * inverse, own, i);
        }
        if (op->scale != NULL) {
            op->scale[head] = scale;
        }
    }
}

void vd_gain_scalar(const vd_gain *op, vd_range heads) {
    for (int64_t head = heads.begin; head < heads.end; head++) {
        vd_affine all = {op->gain, op->bias};
        vd_affine own = vd_affine_of(all, op->per_head, head, op->heads, op->d);
        for (int32_t i = 0; i < op->d; i++) {
            op->y[head * op->d + i] = affine(op->x[head * op->d + i], own, i);
        }
    }
}

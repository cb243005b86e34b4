// The definition of norm in docs/numerics.md.
#include <math.h>

#include "core/lanes.h"
#include "norm/norm.h"

static float mean(const float *x, int32_t d) {
    float lane[VD_LANES] = {0};
    for (int32_t i = 0; i < d; i++) {
        lane[i % VD_LANES] += x[i];
    }
    return vd_merge_lanes(lane) / (float)d;
}

static float mean_square(const float *x, float center, int32_t d) {
    float lane[VD_LANES] = {0};
    for (int32_t i = 0; i < d; i++) {
        float c = x[i] - center;
        lane[i % VD_LANES] = fmaf(c, c, lane[i % VD_LANES]);
    }
    return vd_merge_lanes(lane) / (float)d;
}

// i counts the elements of gain and bias.
static float affine(float normalized, const vd_norm *op, int64_t i) {
    if (op->gain == NULL) {
        return op->bias == NULL ? normalized : normalized + op->bias[i];
    }
    return op->bias == NULL ? normalized * op->gain[i] : fmaf(normalized, op->gain[i], op->bias[i]);
}

void vd_norm_scalar(const vd_norm *op, vd_range heads) {
    for (int64_t head = heads.begin; head < heads.end; head++) {
        const float *x = op->x + head * op->d;
        float *y = op->y + head * op->d;
        float center = op->kind == VD_NORM_LAYER ? mean(x, op->d) : 0.0f;
        float scale = sqrtf(mean_square(x, center, op->d) + op->epsilon);
        float inverse = 1.0f / scale;
        int64_t offset = vd_norm_affine_offset(op, head);
        for (int32_t i = 0; i < op->d; i++) {
            y[i] = affine((x[i] - center) * inverse, op, offset + i);
        }
        if (op->scale != NULL) {
            op->scale[head] = scale;
        }
    }
}

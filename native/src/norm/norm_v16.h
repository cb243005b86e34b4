// norm over 16 lanes: three passes over a row that stays in the first-level cache.
#include <math.h>

#include "norm/norm.h"
#include "simd/part_v16.h"

VD_INLINE float mean(const float *x, int64_t d) {
    v16 sum = v16_zero();
    for (int64_t i = 0; i < d; i += 16) {
        sum = v16_add(sum, v16_load_up_to(x + i, d - i));
    }
    return v16_merge(sum) / (float)d;
}

VD_INLINE float mean_square(const float *x, float center, int64_t d) {
    v16 sum = v16_zero();
    for (int64_t i = 0; i < d; i += 16) {
        v16 c = v16_sub(v16_load_up_to(x + i, d - i), v16_splat(center));
        c = i + 16 <= d ? c : v16_keep(c, d - i, v16_zero());
        sum = v16_fma(c, c, sum);
    }
    return v16_merge(sum) / (float)d;
}

// gain and bias are those of the head, or null.
VD_INLINE v16 affine(v16 x, const float *gain, const float *bias, int64_t i, int64_t d) {
    if (gain == NULL) {
        return bias == NULL ? x : v16_add(x, v16_load_up_to(bias + i, d - i));
    }
    v16 g = v16_load_up_to(gain + i, d - i);
    return bias == NULL ? v16_mul(x, g) : v16_fma(x, g, v16_load_up_to(bias + i, d - i));
}

void VD_NAME(vd_norm)(const vd_norm *op, vd_range heads) {
    int64_t d = op->d;
    for (int64_t head = heads.begin; head < heads.end; head++) {
        const float *x = op->x + head * d;
        float *y = op->y + head * d;
        float center = op->kind == VD_NORM_LAYER ? mean(x, d) : 0.0f;
        float scale = sqrtf(mean_square(x, center, d) + op->epsilon);
        v16 inverse = v16_splat(1.0f / scale);
        int64_t offset = vd_norm_affine_offset(op, head);
        const float *gain = op->gain == NULL ? NULL : op->gain + offset;
        const float *bias = op->bias == NULL ? NULL : op->bias + offset;
        for (int64_t i = 0; i < d; i += 16) {
            v16 normalized =
                v16_mul(v16_sub(v16_load_up_to(x + i, d - i), v16_splat(center)), inverse);
            v16_store_up_to(y + i, affine(normalized, gain, bias, i, d), d - i);
        }
        if (op->scale != NULL) {
            op->scale[head] = scale;
        }
    }
}

// norm backward over 16 lanes.
#include <math.h>

#include "backward/backward.h"
#include "simd/part_v16.h"

// Elements from i on of (x - center) * inverse.
VD_INLINE v16 normalized_at(const float *x, int64_t i, int64_t d, v16 center, v16 inverse) {
    return v16_mul(v16_sub(v16_load_up_to(x + i, d - i), center), inverse);
}

// Elements from i on of dy * gain.
VD_INLINE v16 scaled_gradient(const float *dy, const float *gain, int64_t i, int64_t d) {
    v16 g = v16_load_up_to(dy + i, d - i);
    return gain == NULL ? g : v16_mul(g, v16_load_up_to(gain + i, d - i));
}

VD_INLINE v16 only(v16 x, int64_t i, int64_t d) {
    return i + 16 <= d ? x : v16_keep(x, d - i, v16_zero());
}

VD_INLINE float mean_of(const float *x, int64_t d) {
    v16 sum = v16_zero();
    for (int64_t i = 0; i < d; i += 16) {
        sum = v16_add(sum, v16_load_up_to(x + i, d - i));
    }
    return v16_merge(sum) / (float)d;
}

VD_INLINE float divisor_of(const float *x, float center, int64_t d, float epsilon) {
    v16 sum = v16_zero();
    for (int64_t i = 0; i < d; i += 16) {
        v16 c = only(v16_sub(v16_load_up_to(x + i, d - i), v16_splat(center)), i, d);
        sum = v16_fma(c, c, sum);
    }
    return sqrtf(v16_merge(sum) / (float)d + epsilon);
}

static void VD_NAME(vd_norm_backward)(const vd_norm_backward *op, vd_range heads) {
    int64_t d = op->d;
    int layer = op->kind == VD_NORM_LAYER;
    for (int64_t head = heads.begin; head < heads.end; head++) {
        const float *x = op->x + head * d, *dy = op->dy + head * d;
        const float *gain = op->gain == NULL ? NULL
                            : op->per_head   ? op->gain + head % op->heads * d
                                             : op->gain;
        float center = layer ? mean_of(x, d) : 0.0f;
        v16 inverse = v16_splat(1.0f / divisor_of(x, center, d, op->epsilon));
        v16 sums = v16_zero(), products = v16_zero();
        for (int64_t i = 0; i < d; i += 16) {
            v16 g = scaled_gradient(dy, gain, i, d);
            v16 normalized = only(normalized_at(x, i, d, v16_splat(center), inverse), i, d);
            sums = v16_add(sums, g);
            products = v16_fma(g, normalized, products);
        }
        v16 mean = v16_splat(layer ? v16_merge(sums) / (float)d : 0.0f);
        v16 along = v16_splat(op->frozen ? 0.0f : v16_merge(products) / (float)d);
        for (int64_t i = 0; i < d; i += 16) {
            v16 g = v16_sub(scaled_gradient(dy, gain, i, d), mean);
            v16 normalized = normalized_at(x, i, d, v16_splat(center), inverse);
            v16 dx = v16_mul(v16_fma(v16_negate(along), normalized, g), inverse);
            v16_store_up_to(op->dx + head * d + i, dx, d - i);
        }
    }
}

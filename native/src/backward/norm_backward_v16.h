// norm_backward over 16 lanes.
#include <math.h>

#include "backward/backward.h"
#include "simd/part_v16.h"

// Loads elements of (x - center) * inverse from i on.
VD_INLINE f32x16 normalized_at(const float *x, int64_t i, int64_t d, f32x16 center,
                               f32x16 inverse) {
    return f32x16_mul(f32x16_sub(f32x16_load_up_to(x + i, d - i), center), inverse);
}

// Loads elements of dy * gain from i on.
VD_INLINE f32x16 scaled_gradient(const float *dy, const float *gain, int64_t i, int64_t d) {
    f32x16 g = f32x16_load_up_to(dy + i, d - i);
    return gain == NULL ? g : f32x16_mul(g, f32x16_load_up_to(gain + i, d - i));
}

VD_INLINE f32x16 only(f32x16 x, int64_t i, int64_t d) {
    return i + 16 <= d ? x : f32x16_blend_first(x, d - i, f32x16_zero());
}

VD_INLINE float mean_of(const float *x, int64_t d) {
    f32x16 sum = f32x16_zero();
    for (int64_t i = 0; i < d; i += 16) {
        sum = f32x16_add(sum, f32x16_load_up_to(x + i, d - i));
    }
    return f32x16_reduce_add(sum) / (float)d;
}

VD_INLINE float divisor_of(const float *x, float center, int64_t d, float epsilon) {
    f32x16 sum = f32x16_zero();
    for (int64_t i = 0; i < d; i += 16) {
        f32x16 c = only(f32x16_sub(f32x16_load_up_to(x + i, d - i), f32x16_splat(center)), i, d);
        sum = f32x16_fma(c, c, sum);
    }
    return sqrtf(f32x16_reduce_add(sum) / (float)d + epsilon);
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
        f32x16 inverse = f32x16_splat(1.0f / divisor_of(x, center, d, op->epsilon));
        f32x16 sums = f32x16_zero(), products = f32x16_zero();
        for (int64_t i = 0; i < d; i += 16) {
            f32x16 g = scaled_gradient(dy, gain, i, d);
            f32x16 normalized = only(normalized_at(x, i, d, f32x16_splat(center), inverse), i, d);
            sums = f32x16_add(sums, g);
            products = f32x16_fma(g, normalized, products);
        }
        f32x16 mean = f32x16_splat(layer ? f32x16_reduce_add(sums) / (float)d : 0.0f);
        f32x16 along = f32x16_splat(op->frozen ? 0.0f : f32x16_reduce_add(products) / (float)d);
        for (int64_t i = 0; i < d; i += 16) {
            f32x16 g = f32x16_sub(scaled_gradient(dy, gain, i, d), mean);
            f32x16 normalized = normalized_at(x, i, d, f32x16_splat(center), inverse);
            f32x16 dx = f32x16_mul(f32x16_fma(f32x16_negate(along), normalized, g), inverse);
            f32x16_store_up_to(op->dx + head * d + i, dx, d - i);
        }
    }
}

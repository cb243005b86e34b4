// norm over 16 lanes: three passes over a row that stays in the L1 cache.
#include <math.h>

#include "norm/norm.h"
#include "simd/part_v16.h"

VD_INLINE float mean(const float *x, int64_t d) {
    f32x16 sum = f32x16_zero();
    for (int64_t i = 0; i < d; i += 16) {
        sum = f32x16_add(sum, f32x16_load_up_to(x + i, d - i));
    }
    return f32x16_reduce_add(sum) / (float)d;
}

VD_INLINE float mean_square(const float *x, float center, int64_t d) {
    f32x16 sum = f32x16_zero();
    for (int64_t i = 0; i < d; i += 16) {
        f32x16 c = f32x16_sub(f32x16_load_up_to(x + i, d - i), f32x16_splat(center));
        c = i + 16 <= d ? c : f32x16_blend_first(c, d - i, f32x16_zero());
        sum = f32x16_fma(c, c, sum);
    }
    return f32x16_reduce_add(sum) / (float)d;
}

VD_INLINE f32x16 affine(f32x16 x, vd_affine a, int64_t i, int64_t d) {
    if (a.gain == NULL) {
        return a.bias == NULL ? x : f32x16_add(x, f32x16_load_up_to(a.bias + i, d - i));
    }
    f32x16 g = f32x16_load_up_to(a.gain + i, d - i);
    return a.bias == NULL ? f32x16_mul(x, g)
                          : f32x16_fma(x, g, f32x16_load_up_to(a.bias + i, d - i));
}

void VD_NAME(vd_norm)(const vd_norm *op, vd_range heads) {
    int64_t d = op->d;
    for (int64_t head = heads.begin; head < heads.end; head++) {
        const float *x = op->x + head * d;
        float *y = op->y + head * d;
        float center = op->kind == VD_NORM_LAYER ? mean(x, d) : 0.0f;
        float scale = op->divisor != NULL ? op->divisor[head]
                                          : sqrtf(mean_square(x, center, d) + op->epsilon);
        f32x16 inverse = f32x16_splat(1.0f / scale);
        vd_affine all = {op->gain, op->bias};
        vd_affine own = vd_affine_of(all, op->per_head, head, op->heads, d);
        for (int64_t i = 0; i < d; i += 16) {
            f32x16 normalized = f32x16_mul(
                f32x16_sub(f32x16_load_up_to(x + i, d - i), f32x16_splat(center)), inverse);
            f32x16_store_up_to(y + i, affine(normalized, own, i, d), d - i);
        }
        if (op->scale != NULL) {
            op->scale[head] = scale;
        }
    }
}

void VD_NAME(vd_gain)(const vd_gain *op, vd_range heads) {
    int64_t d = op->d;
    for (int64_t head = heads.begin; head < heads.end; head++) {
        vd_affine all = {op->gain, op->bias};
        vd_affine own = vd_affine_of(all, op->per_head, head, op->heads, d);
        for (int64_t i = 0; i < d; i += 16) {
            f32x16 x = f32x16_load_up_to(op->x + head * d + i, d - i);
            f32x16_store_up_to(op->y + head * d + i, affine(x, own, i, d), d - i);
        }
    }
}

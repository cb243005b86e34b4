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

VD_INLINE v16 affine(v16 x, const vd_norm *op, int64_t i) {
    if (op->gain == NULL) {
        return op->bias == NULL ? x : v16_add(x, v16_load_up_to(op->bias + i, op->d - i));
    }
    v16 gain = v16_load_up_to(op->gain + i, op->d - i);
    return op->bias == NULL ? v16_mul(x, gain)
                            : v16_fma(x, gain, v16_load_up_to(op->bias + i, op->d - i));
}

void VD_NAME(vd_norm)(const vd_norm *op, vd_range rows) {
    int64_t d = op->d;
    for (int64_t row = rows.begin; row < rows.end; row++) {
        const float *x = op->x + row * d;
        float *y = op->y + row * d;
        float center = op->kind == VD_NORM_LAYER ? mean(x, d) : 0.0f;
        float scale = sqrtf(mean_square(x, center, d) + op->epsilon);
        v16 inverse = v16_splat(1.0f / scale);
        for (int64_t i = 0; i < d; i += 16) {
            v16 normalized =
                v16_mul(v16_sub(v16_load_up_to(x + i, d - i), v16_splat(center)), inverse);
            v16_store_up_to(y + i, affine(normalized, op, i), d - i);
        }
        if (op->scale != NULL) {
            op->scale[row] = scale;
        }
    }
}

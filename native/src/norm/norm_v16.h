// norm over 16 lanes: three passes over a row that stays in the first-level cache.
#include <math.h>

#include "norm/norm.h"

// The 16 elements from i on, zero beyond d.
VD_INLINE v16 elements(const float *p, int64_t i, int64_t d) {
    return i + 16 <= d ? v16_load(p + i) : v16_load_part(p + i, d - i);
}

VD_INLINE float mean(const float *x, int64_t d) {
    v16 sum = v16_zero();
    for (int64_t i = 0; i < d; i += 16) {
        sum = v16_add(sum, elements(x, i, d));
    }
    return v16_merge(sum) / (float)d;
}

VD_INLINE float mean_square(const float *x, float center, int64_t d) {
    v16 sum = v16_zero();
    for (int64_t i = 0; i < d; i += 16) {
        v16 c = v16_sub(elements(x, i, d), v16_splat(center));
        c = i + 16 <= d ? c : v16_keep(c, d - i, v16_zero());
        sum = v16_fma(c, c, sum);
    }
    return v16_merge(sum) / (float)d;
}

VD_INLINE v16 affine(v16 x, const vd_norm *op, int64_t i) {
    if (op->gain == NULL) {
        return op->bias == NULL ? x : v16_add(x, elements(op->bias, i, op->d));
    }
    v16 gain = elements(op->gain, i, op->d);
    return op->bias == NULL ? v16_mul(x, gain) : v16_fma(x, gain, elements(op->bias, i, op->d));
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
            v16 normalized = v16_mul(v16_sub(elements(x, i, d), v16_splat(center)), inverse);
            v16 result = affine(normalized, op, i);
            if (i + 16 <= d) {
                v16_store(y + i, result);
            } else {
                v16_store_part(y + i, result, d - i);
            }
        }
        if (op->scale != NULL) {
            op->scale[row] = scale;
        }
    }
}

#include "simd/exp_kernels.h"
#include "simd/exp_v16.h"

void VD_NAME(exp)(const float *x, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i += 16) {
        f32x16_store(y + i, f32x16_exp(f32x16_load(x + i)));
    }
}

#include "core/exp_kernels.h"
#include "simd/exp_v16.h"

void VD_NAME(exp)(const float *x, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i += 16) {
        v16_store(y + i, v16_exp(v16_load(x + i)));
    }
}

// The rotation of a Q4_0 cache (docs/numerics.md, kv_store).
#ifndef VD_ATTENTION_HADAMARD_H
#define VD_ATTENTION_HADAMARD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/arch.h"
#include "vidrio.h"

// Multiplies x [d] by the orthogonal Hadamard matrix of n rows, n elements at a time; n is a power
// of two that divides d. The matrix is its own inverse.
VD_INLINE void vd_hadamard(float *x, int64_t d, int64_t n) {
    float factor = 1.0f / sqrtf((float)n);
    for (int64_t h = 1; h < n; h *= 2) {
        for (int64_t i = 0; i < d; i += 2 * h) {
            for (int64_t j = i; j < i + h; j++) {
                float a = x[j], b = x[j + h];
                x[j] = a + b;
                x[j + h] = a - b;
            }
        }
    }
    for (int64_t i = 0; i < d; i++) {
        x[i] *= factor;
    }
}

// Copies d elements, rotated n at a time.
VD_INLINE void vd_rotate(const float *x, float *y, int64_t d, int64_t n) {
    memcpy(y, x, (size_t)d * sizeof *y);
    if (n > 1) {
        vd_hadamard(y, d, n);
    }
}

#endif

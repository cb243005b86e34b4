// Softplus in plain C, as docs/numerics.md defines it.
#ifndef VD_ACTIVATION_SCALAR_SOFTPLUS_H
#define VD_ACTIVATION_SCALAR_SOFTPLUS_H

#include <math.h>

#include "simd/exp.h"

// Returns ln(1 + r) for -1/2 <= r <= 1.
static inline float vd_log1p(float r) {
    float s = r / (2.0f + r);
    float z = s * s;
    float q = 0x1.1ed7bep-2f;
    q = fmaf(q, z, 0x1.1ebd0ep-2f);
    q = fmaf(q, z, 0x1.99d208p-2f);
    q = fmaf(q, z, 0x1.555502p-1f);
    return fmaf(s, fmaf(q, z, -r), r);
}

static inline float vd_softplus(float x) {
    return (x > 0.0f ? x : 0.0f) + vd_log1p(vd_exp(-fabsf(x)));
}

// Returns softplus(x) - ln(2), which is 0 at the origin.
static inline float vd_softplus_centered(float x) {
    return (x > 0.0f ? x : 0.0f) + vd_log1p(0.5f * vd_expm1(-fabsf(x)));
}

#endif

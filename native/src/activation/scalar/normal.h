// The normal distribution of GELU in plain C, as docs/numerics.md defines it.
#ifndef VD_ACTIVATION_SCALAR_NORMAL_H
#define VD_ACTIVATION_SCALAR_NORMAL_H

#include <math.h>

#include "activation/activation.h"
#include "simd/exp.h"

typedef struct vd_normal_tail {
    float a;      // |x|, clamped to 15, beyond which the tail is 0
    float e;      // e^(-a^2/2)
    float share;  // upper tail probability at a
} vd_normal_tail;

static inline vd_normal_tail vd_normal_tail_of(float x) {
    float a = fabsf(x);
    a = a > 15.0f ? 15.0f : a;
    float t = 1.0f / (a + 2.5f);
    float u = fmaf(-5.0f, t, 1.0f);
    float q = vd_gelu_tail[0];
    for (int i = 1; i < VD_GELU_TERMS; i++) {
        q = fmaf(q, u, vd_gelu_tail[i]);
    }
    float s = a * a;
    float rest = fmaf(a, a, -s);
    float e = vd_exp(-0.5f * s);
    e = fmaf(e, -0.5f * rest, e);
    return (vd_normal_tail){a, e, e * (q * t)};
}

#endif

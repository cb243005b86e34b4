// exp, tanh and the sigmoid in plain C, as docs/numerics.md defines them.
#ifndef VD_SIMD_EXP_H
#define VD_SIMD_EXP_H

#include <math.h>

#include "types/types.h"

// Returns 2^n for -126 <= n <= 127.
static inline float vd_pow2(int32_t n) { return vd_bits_to_float((uint32_t)(n + 127) << 23); }

// Returns x - m * ln(2), with ln(2) split in two parts.
static inline float vd_exp_remainder(float x, float m) {
    return fmaf(m, -0x1.7f7d1cp-20f, fmaf(m, -0x1.62e4p-1f, x));
}

// Returns e^r - 1 for |r| <= ln(2)/2.
static inline float vd_expm1_reduced(float r) {
    float q = 0x1.6a23d0p-10f;
    q = fmaf(q, r, 0x1.123a20p-7f);
    q = fmaf(q, r, 0x1.5558f2p-5f);
    q = fmaf(q, r, 0x1.555492p-3f);
    q = fmaf(q, r, 0x1.fffffcp-2f);
    return fmaf(r * r, q, r);
}

static inline float vd_exp(float x) {
    if (isnan(x)) {
        return x;
    }
    x = x > -104.0f ? x : -104.0f;
    x = x < 89.0f ? x : 89.0f;
    float m = rintf(x * 0x1.715476p+0f);
    float p = vd_expm1_reduced(vd_exp_remainder(x, m)) + 1.0f;
    int32_t n = (int32_t)m;
    int32_t half = n >> 1;
    return p * vd_pow2(half) * vd_pow2(n - half);
}

// Returns e^x - 1, with x clamped to [-20, 20].
static inline float vd_expm1(float x) {
    if (isnan(x)) {
        return x;
    }
    float y = x > -20.0f ? x : -20.0f;
    y = y < 20.0f ? y : 20.0f;
    float m = rintf(y * 0x1.715476p+0f);
    float power = vd_pow2((int32_t)m);
    return fmaf(vd_expm1_reduced(vd_exp_remainder(y, m)), power, power - 1.0f);
}

static inline float vd_sigmoid(float x) { return 1.0f / (1.0f + vd_exp(-x)); }

static inline float vd_tanh(float x) {
    float e = vd_expm1(2.0f * x);
    return e / (e + 2.0f);
}

#endif

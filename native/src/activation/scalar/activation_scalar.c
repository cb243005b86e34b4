// The definition of the activations in docs/numerics.md.
#include "activation/activation.h"

#include <math.h>

#include "core/exp.h"

// x times the normal distribution's share below x. Beyond a = 15 the share is 0 or 1.
static float gelu(float x) {
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
    return fmaf(-a, e * (q * t), x > 0.0f ? x : 0.0f);
}

static float activate(int32_t kind, float x) {
    switch (kind) {
        case VD_ACTIVATION_SILU:
            return x / (1.0f + vd_exp(-x));
        case VD_ACTIVATION_GELU_TANH: {
            float polynomial = x * fmaf(VD_GELU_CUBIC * x, x, 1.0f);
            return x / (1.0f + vd_exp(VD_GELU_MINUS_2_SQRT_2_OVER_PI * polynomial));
        }
        case VD_ACTIVATION_GELU:
            return gelu(x);
        case VD_ACTIVATION_TANH:
            return vd_tanh(x);
        default:
            return x > 0.0f ? x : 0.0f;
    }
}

void vd_activation_scalar(const vd_activation *op, vd_range range) {
    for (int64_t i = range.begin; i < range.end; i++) {
        float y = activate(op->kind, op->x[i]);
        op->y[i] = op->up == NULL ? y : y * op->up[i];
    }
}

// The reference implementation of the activation functions (docs/numerics.md).
#include "activation/activation.h"

#include <math.h>

#include "activation/scalar/normal.h"
#include "activation/scalar/softplus.h"

static float positive(float x) { return x > 0.0f ? x : 0.0f; }

static float gelu(float x) {
    vd_normal_tail tail = vd_normal_tail_of(x);
    return fmaf(-tail.a, tail.share, positive(x));
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
        case VD_ACTIVATION_SQUARED_RELU:
            return positive(x) * positive(x);
        case VD_ACTIVATION_ELU:
            return x > 0.0f ? x : vd_expm1(x);
        case VD_ACTIVATION_HARD_TANH: {
            float y = -1.0f > x ? -1.0f : x;
            return 1.0f < y ? 1.0f : y;
        }
        case VD_ACTIVATION_CLAMPED_SWISH: {
            float c = x > VD_SWISH_LIMIT ? VD_SWISH_LIMIT : x;
            return c / (1.0f + vd_exp(-VD_SWISH_SLOPE * c));
        }
        case VD_ACTIVATION_CLAMPED_LINEAR: {
            float c = x > VD_SWISH_LIMIT ? VD_SWISH_LIMIT : x;
            return 1.0f + (c < -VD_SWISH_LIMIT ? -VD_SWISH_LIMIT : c);
        }
        case VD_ACTIVATION_IDENTITY:
            return x;
        case VD_ACTIVATION_SIGMOID:
            return vd_sigmoid(x);
        case VD_ACTIVATION_SOFTPLUS:
            return vd_softplus(x);
        default:
            return positive(x);
    }
}

void vd_activation_scalar(const vd_activation *op, vd_range range) {
    for (int64_t i = range.begin; i < range.end; i++) {
        float y = activate(op->kind, op->x[i]);
        op->y[i] = op->up == NULL ? y : y * op->up[i];
    }
}

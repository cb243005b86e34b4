// The reference implementation of activation_backward (docs/numerics.md).
#include <math.h>

#include "activation/scalar/normal.h"
#include "activation/scalar/softplus.h"
#include "backward/backward.h"

static float step_at(float x) { return x > 0.0f ? 1.0f : 0.0f; }

// The secant slope s of f(x) = f(0) + x * s, and the derivative of f.
typedef struct gate {
    float s;
    float derivative;
} gate;

static gate silu(float x) {
    float s = vd_sigmoid(x);
    return (gate){s, s * fmaf(x, 1.0f - s, 1.0f)};
}

static gate gelu_tanh(float x) {
    float exponent = VD_GELU_MINUS_2_SQRT_2_OVER_PI * (x * fmaf(VD_GELU_CUBIC * x, x, 1.0f));
    float s = 1.0f / (1.0f + vd_exp(exponent));
    float inner = -VD_GELU_MINUS_2_SQRT_2_OVER_PI * fmaf(VD_GELU_3_CUBIC * x, x, 1.0f);
    return (gate){s, fmaf(x * s, (1.0f - s) * inner, s)};
}

static gate gelu(float x) {
    vd_normal_tail tail = vd_normal_tail_of(x);
    float s = fabsf(step_at(x) - tail.share);
    return (gate){s, fmaf(x, tail.e * VD_NORMAL_DENSITY, s)};
}

// Returns y / x; both may be 0.
static float secant(float y, float x) {
    float above = 0x1p-126f > fabsf(y) ? 0x1p-126f : fabsf(y);
    float below = 0x1p-126f > fabsf(x) ? 0x1p-126f : fabsf(x);
    return above / below;
}

static gate hyperbolic_tangent(float x) {
    float y = vd_tanh(x);
    return (gate){secant(y, x), fmaf(-y, y, 1.0f)};
}

static gate squared_relu(float x) {
    float r = x > 0.0f ? x : 0.0f;
    return (gate){r, r + r};
}

static gate elu(float x) {
    float y = x > 0.0f ? x : vd_expm1(x);
    return (gate){secant(y, x), vd_exp(0.0f < x ? 0.0f : x)};
}

static gate hard_tanh(float x) {
    float y = -1.0f > x ? -1.0f : x;
    return (gate){secant(1.0f < y ? 1.0f : y, x), 1.0f - step_at(fabsf(x) - 1.0f)};
}

// Returns 1 up to the limit, and limit / x beyond it.
static float kept(float x) { return VD_SWISH_LIMIT / (x > VD_SWISH_LIMIT ? x : VD_SWISH_LIMIT); }

// Returns 1 up to the limit, else 0.
static float inside(float x) { return x > VD_SWISH_LIMIT ? 0.0f : 1.0f; }

static gate clamped_swish(float x) {
    float c = x > VD_SWISH_LIMIT ? VD_SWISH_LIMIT : x;
    float s = 1.0f / (1.0f + vd_exp(-VD_SWISH_SLOPE * c));
    float bent = fmaf(VD_SWISH_SLOPE * c, 1.0f - s, 1.0f);
    return (gate){s * kept(x), s * bent * inside(x)};
}

static gate clamped_linear(float x) { return (gate){kept(fabsf(x)), inside(fabsf(x))}; }

// Uses sigmoid(x) - 1/2 = tanh(x/2) / 2.
static gate sigmoid(float x) {
    float half = 0.5f * x, p = vd_sigmoid(x);
    return (gate){0.25f * secant(vd_tanh(half), half), p * (1.0f - p)};
}

static gate softplus(float x) {
    return (gate){0.5f * secant(vd_softplus_centered(x), 0.5f * x), vd_sigmoid(x)};
}

static gate gate_of(int32_t kind, float x) {
    switch (kind) {
        case VD_ACTIVATION_SILU:
            return silu(x);
        case VD_ACTIVATION_GELU_TANH:
            return gelu_tanh(x);
        case VD_ACTIVATION_GELU:
            return gelu(x);
        case VD_ACTIVATION_TANH:
            return hyperbolic_tangent(x);
        case VD_ACTIVATION_SQUARED_RELU:
            return squared_relu(x);
        case VD_ACTIVATION_ELU:
            return elu(x);
        case VD_ACTIVATION_HARD_TANH:
            return hard_tanh(x);
        case VD_ACTIVATION_CLAMPED_SWISH:
            return clamped_swish(x);
        case VD_ACTIVATION_CLAMPED_LINEAR:
            return clamped_linear(x);
        case VD_ACTIVATION_IDENTITY:
            return (gate){1.0f, 1.0f};
        case VD_ACTIVATION_SIGMOID:
            return sigmoid(x);
        case VD_ACTIVATION_SOFTPLUS:
            return softplus(x);
        default:
            return (gate){step_at(x), step_at(x)};
    }
}

void vd_activation_backward_scalar(const vd_activation_backward *op, vd_range elements) {
    for (int64_t i = elements.begin; i < elements.end; i++) {
        gate g = gate_of(op->kind, op->x[i]);
        float dy = op->up == NULL ? op->dy[i] : op->up[i] * op->dy[i];
        op->dx[i] = (op->slope == VD_SLOPE_SECANT ? g.s : g.derivative) * dy;
    }
}

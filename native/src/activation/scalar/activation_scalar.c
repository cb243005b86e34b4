// The reference implementation of activation and activation_backward (docs/numerics.md): each
// function f is followed by its slopes.
#include <math.h>

#include "activation/activation.h"
#include "simd/exp.h"

// The slopes of f at x.
typedef struct slopes {
    float secant;  // s of f(x) = f(0) + x * s
    float derivative;
} slopes;

static float step_at(float x) { return x > 0.0f ? 1.0f : 0.0f; }

// Returns y / x; both may be 0.
static float ratio(float y, float x) {
    float above = 0x1p-126f > fabsf(y) ? 0x1p-126f : fabsf(y);
    float below = 0x1p-126f > fabsf(x) ? 0x1p-126f : fabsf(x);
    return above / below;
}

static float silu(float x) { return x / (1.0f + vd_exp(-x)); }

static slopes silu_slopes(float x) {
    float s = vd_sigmoid(x);
    return (slopes){s, s * fmaf(x, 1.0f - s, 1.0f)};
}

static float gelu_tanh_exponent(float x) {
    return VD_GELU_MINUS_2_SQRT_2_OVER_PI * (x * fmaf(VD_GELU_CUBIC * x, x, 1.0f));
}

static float gelu_tanh(float x) { return x / (1.0f + vd_exp(gelu_tanh_exponent(x))); }

static slopes gelu_tanh_slopes(float x) {
    float s = 1.0f / (1.0f + vd_exp(gelu_tanh_exponent(x)));
    float inner = -VD_GELU_MINUS_2_SQRT_2_OVER_PI * fmaf(VD_GELU_3_CUBIC * x, x, 1.0f);
    return (slopes){s, fmaf(x * s, (1.0f - s) * inner, s)};
}

static float relu(float x) { return x > 0.0f ? x : 0.0f; }

static slopes relu_slopes(float x) { return (slopes){step_at(x), step_at(x)}; }

// The normal distribution at a = |x|, clamped to 15, beyond which the tail is 0.
typedef struct normal_tail {
    float a;
    float e;      // e^(-a^2/2)
    float share;  // upper tail probability at a
} normal_tail;

static normal_tail normal_tail_of(float x) {
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
    return (normal_tail){a, e, e * (q * t)};
}

static float gelu(float x) {
    normal_tail tail = normal_tail_of(x);
    return fmaf(-tail.a, tail.share, relu(x));
}

static slopes gelu_slopes(float x) {
    normal_tail tail = normal_tail_of(x);
    float s = fabsf(step_at(x) - tail.share);
    return (slopes){s, fmaf(x, tail.e * VD_NORMAL_DENSITY, s)};
}

static slopes tanh_slopes(float x) {
    float y = vd_tanh(x);
    return (slopes){ratio(y, x), fmaf(-y, y, 1.0f)};
}

static float squared_relu(float x) { return relu(x) * relu(x); }

static slopes squared_relu_slopes(float x) { return (slopes){relu(x), relu(x) + relu(x)}; }

static float elu(float x) { return x > 0.0f ? x : vd_expm1(x); }

static slopes elu_slopes(float x) {
    return (slopes){ratio(elu(x), x), vd_exp(0.0f < x ? 0.0f : x)};
}

static float hard_tanh(float x) {
    float y = -1.0f > x ? -1.0f : x;
    return 1.0f < y ? 1.0f : y;
}

static slopes hard_tanh_slopes(float x) {
    return (slopes){ratio(hard_tanh(x), x), 1.0f - step_at(fabsf(x) - 1.0f)};
}

// Returns 1 up to the limit, and limit / x beyond it.
static float kept(float x) { return VD_SWISH_LIMIT / (x > VD_SWISH_LIMIT ? x : VD_SWISH_LIMIT); }

// Returns 1 up to the limit, else 0.
static float inside(float x) { return x > VD_SWISH_LIMIT ? 0.0f : 1.0f; }

static float clamped_above(float x) { return x > VD_SWISH_LIMIT ? VD_SWISH_LIMIT : x; }

static float clamped_swish(float x) {
    float c = clamped_above(x);
    return c / (1.0f + vd_exp(-VD_SWISH_SLOPE * c));
}

static slopes clamped_swish_slopes(float x) {
    float c = clamped_above(x);
    float s = 1.0f / (1.0f + vd_exp(-VD_SWISH_SLOPE * c));
    float bent = fmaf(VD_SWISH_SLOPE * c, 1.0f - s, 1.0f);
    return (slopes){s * kept(x), s * bent * inside(x)};
}

static float clamped_linear(float x) {
    float c = clamped_above(x);
    return 1.0f + (c < -VD_SWISH_LIMIT ? -VD_SWISH_LIMIT : c);
}

static slopes clamped_linear_slopes(float x) { return (slopes){kept(fabsf(x)), inside(fabsf(x))}; }

static slopes identity_slopes(void) { return (slopes){1.0f, 1.0f}; }

// Uses sigmoid(x) - 1/2 = tanh(x/2) / 2.
static slopes sigmoid_slopes(float x) {
    float half = 0.5f * x, p = vd_sigmoid(x);
    return (slopes){0.25f * ratio(vd_tanh(half), half), p * (1.0f - p)};
}

// Returns ln(1 + r) for -1/2 <= r <= 1.
static float log1p_of(float r) {
    float s = r / (2.0f + r);
    float z = s * s;
    float q = 0x1.1ed7bep-2f;
    q = fmaf(q, z, 0x1.1ebd0ep-2f);
    q = fmaf(q, z, 0x1.99d208p-2f);
    q = fmaf(q, z, 0x1.555502p-1f);
    return fmaf(s, fmaf(q, z, -r), r);
}

static float softplus(float x) { return relu(x) + log1p_of(vd_exp(-fabsf(x))); }

// Uses y = softplus(x) - ln(2), which is 0 at the origin.
static slopes softplus_slopes(float x) {
    float y = relu(x) + log1p_of(0.5f * vd_expm1(-fabsf(x)));
    return (slopes){0.5f * ratio(y, 0.5f * x), vd_sigmoid(x)};
}

static float decay_complement(float x) {
    return sqrtf(0.0f - vd_expm1(2.0f * (0.0f < x ? 0.0f : x)));
}

// The divisor is bounded, since the derivative is infinite at 0.
static slopes decay_complement_slopes(float x) {
    float y = decay_complement(x);
    float inverse = vd_exp(2.0f * (0.0f < x ? 0.0f : x)) / (0.0005f > y ? 0.0005f : y);
    return (slopes){-ratio(y, x), (1.0f - step_at(x)) * -inverse};
}

static float activate(int32_t kind, float x) {
    switch (kind) {
        case VD_ACTIVATION_SILU:
            return silu(x);
        case VD_ACTIVATION_GELU_TANH:
            return gelu_tanh(x);
        case VD_ACTIVATION_GELU:
            return gelu(x);
        case VD_ACTIVATION_TANH:
            return vd_tanh(x);
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
            return x;
        case VD_ACTIVATION_SIGMOID:
            return vd_sigmoid(x);
        case VD_ACTIVATION_SOFTPLUS:
            return softplus(x);
        case VD_ACTIVATION_DECAY_COMPLEMENT:
            return decay_complement(x);
        default:
            return relu(x);
    }
}

static slopes slopes_of(int32_t kind, float x) {
    switch (kind) {
        case VD_ACTIVATION_SILU:
            return silu_slopes(x);
        case VD_ACTIVATION_GELU_TANH:
            return gelu_tanh_slopes(x);
        case VD_ACTIVATION_GELU:
            return gelu_slopes(x);
        case VD_ACTIVATION_TANH:
            return tanh_slopes(x);
        case VD_ACTIVATION_SQUARED_RELU:
            return squared_relu_slopes(x);
        case VD_ACTIVATION_ELU:
            return elu_slopes(x);
        case VD_ACTIVATION_HARD_TANH:
            return hard_tanh_slopes(x);
        case VD_ACTIVATION_CLAMPED_SWISH:
            return clamped_swish_slopes(x);
        case VD_ACTIVATION_CLAMPED_LINEAR:
            return clamped_linear_slopes(x);
        case VD_ACTIVATION_IDENTITY:
            return identity_slopes();
        case VD_ACTIVATION_SIGMOID:
            return sigmoid_slopes(x);
        case VD_ACTIVATION_SOFTPLUS:
            return softplus_slopes(x);
        case VD_ACTIVATION_DECAY_COMPLEMENT:
            return decay_complement_slopes(x);
        default:
            return relu_slopes(x);
    }
}

void vd_activation_scalar(const vd_activation *op, vd_range range) {
    for (int64_t i = range.begin; i < range.end; i++) {
        float y = activate(op->kind, op->x[i]);
        op->y[i] = op->up == NULL ? y : y * op->up[i];
    }
}

void vd_activation_backward_scalar(const vd_activation_backward *op, vd_range range) {
    for (int64_t i = range.begin; i < range.end; i++) {
        slopes s = slopes_of(op->kind, op->x[i]);
        float dy = op->up == NULL ? op->dy[i] : op->up[i] * op->dy[i];
        op->dx[i] = (op->slope == VD_SLOPE_SECANT ? s.secant : s.derivative) * dy;
    }
}

// The gradients of activation functions over 16 lanes.
#include "activation/normal_v16.h"
#include "activation/softplus_v16.h"
#include "backward/backward.h"
#include "simd/exp_v16.h"
#include "simd/part_v16.h"
#include "simd/tanh_v16.h"

// The secant slope s of f(x) = f(0) + x * s, and the derivative of f.
typedef struct gate {
    f32x16 s;
    f32x16 derivative;
} gate;

VD_INLINE f32x16 one(void) { return f32x16_splat(1.0f); }

// Returns 1 where x > 0, else 0: the smallest positive float times 2^252 exceeds 1.
VD_INLINE f32x16 step_at(f32x16 x) {
    f32x16 huge = f32x16_splat(0x1p126f);
    return f32x16_min(f32x16_mul(f32x16_mul(f32x16_max(x, f32x16_zero()), huge), huge), one());
}

VD_INLINE f32x16 magnitude(f32x16 x) { return f32x16_from_bits(f32x16_abs_bits(x)); }

VD_INLINE f32x16 logistic(f32x16 x) {
    return f32x16_div(one(), f32x16_add(one(), f32x16_exp(f32x16_negate(x))));
}

VD_INLINE gate silu(f32x16 x) {
    f32x16 s = logistic(x);
    return (gate){s, f32x16_mul(s, f32x16_fma(x, f32x16_sub(one(), s), one()))};
}

VD_INLINE gate gelu_tanh(f32x16 x) {
    f32x16 cubic = f32x16_fma(f32x16_mul(f32x16_splat(VD_GELU_CUBIC), x), x, one());
    f32x16 exponent =
        f32x16_mul(f32x16_splat(VD_GELU_MINUS_2_SQRT_2_OVER_PI), f32x16_mul(x, cubic));
    f32x16 s = f32x16_div(one(), f32x16_add(one(), f32x16_exp(exponent)));
    f32x16 inner = f32x16_mul(f32x16_splat(-VD_GELU_MINUS_2_SQRT_2_OVER_PI),
                              f32x16_fma(f32x16_mul(f32x16_splat(VD_GELU_3_CUBIC), x), x, one()));
    return (gate){s, f32x16_fma(f32x16_mul(x, s), f32x16_mul(f32x16_sub(one(), s), inner), s)};
}

VD_INLINE gate gelu(f32x16 x) {
    vd_normal_tail tail = vd_normal_tail_of(x);
    f32x16 s = magnitude(f32x16_sub(step_at(x), tail.share));
    return (gate){s, f32x16_fma(x, f32x16_mul(tail.e, f32x16_splat(VD_NORMAL_DENSITY)), s)};
}

// Returns y / x; both may be 0.
VD_INLINE f32x16 secant(f32x16 y, f32x16 x) {
    f32x16 least = f32x16_splat(0x1p-126f);  // this operand order propagates NaN
    return f32x16_div(f32x16_max(least, magnitude(y)), f32x16_max(least, magnitude(x)));
}

VD_INLINE gate hyperbolic_tangent(f32x16 x) {
    f32x16 y = f32x16_tanh(x);
    return (gate){secant(y, x), f32x16_fma(f32x16_negate(y), y, one())};
}

VD_INLINE gate squared_relu(f32x16 x) {
    f32x16 r = f32x16_max(x, f32x16_zero());
    return (gate){r, f32x16_add(r, r)};
}

VD_INLINE gate elu(f32x16 x) {
    f32x16 below = f32x16_min(f32x16_zero(), x);  // this operand order propagates NaN
    f32x16 y = f32x16_add(f32x16_expm1(below), f32x16_max(x, f32x16_zero()));
    return (gate){secant(y, x), f32x16_exp(below)};
}

VD_INLINE gate hard_tanh(f32x16 x) {
    f32x16 y = f32x16_min(one(), f32x16_max(f32x16_splat(-1.0f), x));
    return (gate){secant(y, x), f32x16_sub(one(), step_at(f32x16_sub(magnitude(x), one())))};
}

// Returns 1 up to the limit, and limit / x beyond it.
VD_INLINE f32x16 kept(f32x16 x) {
    f32x16 limit = f32x16_splat(VD_SWISH_LIMIT);
    return f32x16_div(limit, f32x16_max(x, limit));
}

// Returns 1 up to the limit, else 0.
VD_INLINE f32x16 inside(f32x16 x) {
    f32x16 limit = f32x16_splat(VD_SWISH_LIMIT);
    return f32x16_sub(one(), step_at(f32x16_sub(x, limit)));
}

VD_INLINE gate clamped_swish(f32x16 x) {
    f32x16 slope = f32x16_splat(VD_SWISH_SLOPE);
    f32x16 c = f32x16_min(f32x16_splat(VD_SWISH_LIMIT), x);
    f32x16 s =
        f32x16_div(one(), f32x16_add(one(), f32x16_exp(f32x16_mul(f32x16_negate(slope), c))));
    f32x16 bent = f32x16_fma(f32x16_mul(slope, c), f32x16_sub(one(), s), one());
    return (gate){f32x16_mul(s, kept(x)), f32x16_mul(f32x16_mul(s, bent), inside(x))};
}

VD_INLINE gate clamped_linear(f32x16 x) { return (gate){kept(magnitude(x)), inside(magnitude(x))}; }

// Uses sigmoid(x) - 1/2 = tanh(x/2) / 2.
VD_INLINE gate sigmoid(f32x16 x) {
    f32x16 half = f32x16_mul(f32x16_splat(0.5f), x), p = logistic(x);
    f32x16 s = f32x16_mul(f32x16_splat(0.25f), secant(f32x16_tanh(half), half));
    return (gate){s, f32x16_mul(p, f32x16_sub(one(), p))};
}

VD_INLINE gate softplus(f32x16 x) {
    f32x16 half = f32x16_splat(0.5f);
    f32x16 s = f32x16_mul(half, secant(f32x16_softplus_centered(x), f32x16_mul(half, x)));
    return (gate){s, logistic(x)};
}

VD_INLINE gate gate_of(int32_t kind, f32x16 x) {
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
            return (gate){one(), one()};
        case VD_ACTIVATION_SIGMOID:
            return sigmoid(x);
        case VD_ACTIVATION_SOFTPLUS:
            return softplus(x);
        default:
            return (gate){step_at(x), step_at(x)};
    }
}

static void VD_NAME(vd_activation_backward)(const vd_activation_backward *op, vd_range elements) {
    for (int64_t i = elements.begin; i < elements.end; i += 16) {
        int64_t left = elements.end - i;
        gate g = gate_of(op->kind, f32x16_load_up_to(op->x + i, left));
        f32x16 dy = f32x16_load_up_to(op->dy + i, left);
        dy = op->up == NULL ? dy : f32x16_mul(f32x16_load_up_to(op->up + i, left), dy);
        f32x16 slope = op->slope == VD_SLOPE_SECANT ? g.s : g.derivative;
        f32x16_store_up_to(op->dx + i, f32x16_mul(slope, dy), left);
    }
}

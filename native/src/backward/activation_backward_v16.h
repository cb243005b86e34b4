// activation backward over 16 lanes.
#include "activation/normal_v16.h"
#include "activation/softplus_v16.h"
#include "backward/backward.h"
#include "simd/exp_v16.h"
#include "simd/part_v16.h"
#include "simd/tanh_v16.h"

// s of f(0) + x * s, where f is of that kind, and its derivative.
typedef struct gate {
    v16 s;
    v16 derivative;
} gate;

VD_INLINE v16 one(void) { return v16_splat(1.0f); }

// 1 where x > 0, else 0: the least float times 2^252 exceeds 1.
VD_INLINE v16 step_at(v16 x) {
    v16 huge = v16_splat(0x1p126f);
    return v16_min(v16_mul(v16_mul(v16_max(x, v16_zero()), huge), huge), one());
}

VD_INLINE v16 magnitude(v16 x) { return v16_from_bits(v16_magnitude_bits(x)); }

VD_INLINE v16 logistic(v16 x) { return v16_div(one(), v16_add(one(), v16_exp(v16_negate(x)))); }

VD_INLINE gate silu(v16 x) {
    v16 s = logistic(x);
    return (gate){s, v16_mul(s, v16_fma(x, v16_sub(one(), s), one()))};
}

VD_INLINE gate gelu_tanh(v16 x) {
    v16 cubic = v16_fma(v16_mul(v16_splat(VD_GELU_CUBIC), x), x, one());
    v16 exponent = v16_mul(v16_splat(VD_GELU_MINUS_2_SQRT_2_OVER_PI), v16_mul(x, cubic));
    v16 s = v16_div(one(), v16_add(one(), v16_exp(exponent)));
    v16 inner = v16_mul(v16_splat(-VD_GELU_MINUS_2_SQRT_2_OVER_PI),
                        v16_fma(v16_mul(v16_splat(VD_GELU_3_CUBIC), x), x, one()));
    return (gate){s, v16_fma(v16_mul(x, s), v16_mul(v16_sub(one(), s), inner), s)};
}

VD_INLINE gate gelu(v16 x) {
    vd_normal_tail tail = vd_normal_tail_of(x);
    v16 s = magnitude(v16_sub(step_at(x), tail.share));
    return (gate){s, v16_fma(x, v16_mul(tail.e, v16_splat(VD_NORMAL_DENSITY)), s)};
}

// y / x, where both may be 0.
VD_INLINE v16 secant(v16 y, v16 x) {
    v16 least = v16_splat(0x1p-126f);  // in this order NaNs remain
    return v16_div(v16_max(least, magnitude(y)), v16_max(least, magnitude(x)));
}

VD_INLINE gate hyperbolic_tangent(v16 x) {
    v16 y = v16_tanh(x);
    return (gate){secant(y, x), v16_fma(v16_negate(y), y, one())};
}

VD_INLINE gate squared_relu(v16 x) {
    v16 r = v16_max(x, v16_zero());
    return (gate){r, v16_add(r, r)};
}

VD_INLINE gate elu(v16 x) {
    v16 below = v16_min(v16_zero(), x);  // in this order NaNs remain
    v16 y = v16_add(v16_exp_less_one(below), v16_max(x, v16_zero()));
    return (gate){secant(y, x), v16_exp(below)};
}

VD_INLINE gate hard_tanh(v16 x) {
    v16 y = v16_min(one(), v16_max(v16_splat(-1.0f), x));
    return (gate){secant(y, x), v16_sub(one(), step_at(v16_sub(magnitude(x), one())))};
}

// 1 up to the limit, beyond it the share of x that the limit leaves.
VD_INLINE v16 kept(v16 x) {
    v16 limit = v16_splat(VD_SWISH_LIMIT);
    return v16_div(limit, v16_max(x, limit));
}

// 1 up to the limit, else 0.
VD_INLINE v16 inside(v16 x) {
    v16 limit = v16_splat(VD_SWISH_LIMIT);
    return v16_sub(one(), step_at(v16_sub(x, limit)));
}

VD_INLINE gate clamped_swish(v16 x) {
    v16 slope = v16_splat(VD_SWISH_SLOPE);
    v16 c = v16_min(v16_splat(VD_SWISH_LIMIT), x);
    v16 s = v16_div(one(), v16_add(one(), v16_exp(v16_mul(v16_negate(slope), c))));
    v16 bent = v16_fma(v16_mul(slope, c), v16_sub(one(), s), one());
    return (gate){v16_mul(s, kept(x)), v16_mul(v16_mul(s, bent), inside(x))};
}

VD_INLINE gate clamped_linear(v16 x) { return (gate){kept(magnitude(x)), inside(magnitude(x))}; }

// tanh(x/2) / 2 is what lies above 1/2.
VD_INLINE gate sigmoid(v16 x) {
    v16 half = v16_mul(v16_splat(0.5f), x), p = logistic(x);
    v16 s = v16_mul(v16_splat(0.25f), secant(v16_tanh(half), half));
    return (gate){s, v16_mul(p, v16_sub(one(), p))};
}

VD_INLINE gate softplus(v16 x) {
    v16 half = v16_splat(0.5f);
    v16 s = v16_mul(half, secant(v16_softplus_centered(x), v16_mul(half, x)));
    return (gate){s, logistic(x)};
}

VD_INLINE gate gate_of(int32_t kind, v16 x) {
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
        gate g = gate_of(op->kind, v16_load_up_to(op->x + i, left));
        v16 dy = v16_load_up_to(op->dy + i, left);
        dy = op->up == NULL ? dy : v16_mul(v16_load_up_to(op->up + i, left), dy);
        v16 slope = op->slope == VD_SLOPE_SECANT ? g.s : g.derivative;
        v16_store_up_to(op->dx + i, v16_mul(slope, dy), left);
    }
}

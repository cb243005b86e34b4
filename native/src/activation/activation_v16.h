// The activation functions over 16 lanes, each followed by its slopes.
#include "activation/activation.h"
#include "simd/part_v16.h"
#include "simd/tanh_v16.h"

// The slopes of f at x.
typedef struct slopes {
    f32x16 secant;  // s of f(x) = f(0) + x * s
    f32x16 derivative;
} slopes;

VD_INLINE f32x16 one(void) { return f32x16_splat(1.0f); }

VD_INLINE f32x16 positive(f32x16 x) { return f32x16_max(x, f32x16_zero()); }

VD_INLINE f32x16 magnitude(f32x16 x) { return f32x16_from_bits(f32x16_abs_bits(x)); }

// Returns 1 where x > 0, else 0: the smallest positive float times 2^252 exceeds 1.
VD_INLINE f32x16 step_at(f32x16 x) {
    f32x16 huge = f32x16_splat(0x1p126f);
    return f32x16_min(f32x16_mul(f32x16_mul(positive(x), huge), huge), one());
}

// Returns y / x; both may be 0.
VD_INLINE f32x16 ratio(f32x16 y, f32x16 x) {
    f32x16 least = f32x16_splat(0x1p-126f);  // this operand order propagates NaN
    return f32x16_div(f32x16_max(least, magnitude(y)), f32x16_max(least, magnitude(x)));
}

// Returns x * sigmoid(-exponent).
VD_INLINE f32x16 gate(f32x16 x, f32x16 exponent) {
    return f32x16_div(x, f32x16_add(one(), f32x16_exp(exponent)));
}

VD_INLINE f32x16 silu(f32x16 x) { return gate(x, f32x16_negate(x)); }

VD_INLINE slopes silu_slopes(f32x16 x) {
    f32x16 s = gate(one(), f32x16_negate(x));
    return (slopes){s, f32x16_mul(s, f32x16_fma(x, f32x16_sub(one(), s), one()))};
}

VD_INLINE f32x16 gelu_tanh_exponent(f32x16 x) {
    f32x16 cubic = f32x16_fma(f32x16_mul(f32x16_splat(VD_GELU_CUBIC), x), x, one());
    return f32x16_mul(f32x16_splat(VD_GELU_MINUS_2_SQRT_2_OVER_PI), f32x16_mul(x, cubic));
}

VD_INLINE f32x16 gelu_tanh(f32x16 x) { return gate(x, gelu_tanh_exponent(x)); }

VD_INLINE slopes gelu_tanh_slopes(f32x16 x) {
    f32x16 s = gate(one(), gelu_tanh_exponent(x));
    f32x16 inner = f32x16_mul(f32x16_splat(-VD_GELU_MINUS_2_SQRT_2_OVER_PI),
                              f32x16_fma(f32x16_mul(f32x16_splat(VD_GELU_3_CUBIC), x), x, one()));
    return (slopes){s, f32x16_fma(f32x16_mul(x, s), f32x16_mul(f32x16_sub(one(), s), inner), s)};
}

VD_INLINE slopes relu_slopes(f32x16 x) { return (slopes){step_at(x), step_at(x)}; }

// The normal distribution at a = |x|, clamped to 15.
typedef struct normal_tail {
    f32x16 a;
    f32x16 e;      // e^(-a^2/2)
    f32x16 share;  // upper tail probability at a
} normal_tail;

VD_INLINE normal_tail normal_tail_of(f32x16 x) {
    f32x16 a = f32x16_min(f32x16_splat(15.0f), magnitude(x));  // this operand order propagates NaN
    f32x16 t = f32x16_div(one(), f32x16_add(a, f32x16_splat(2.5f)));
    f32x16 u = f32x16_fma(f32x16_splat(-5.0f), t, one());
    f32x16 q = f32x16_splat(vd_gelu_tail[0]);
    for (int i = 1; i < VD_GELU_TERMS; i++) {
        q = f32x16_fma(q, u, f32x16_splat(vd_gelu_tail[i]));
    }
    f32x16 s = f32x16_mul(a, a);
    f32x16 rest = f32x16_fma(a, a, f32x16_negate(s));
    f32x16 e = f32x16_exp(f32x16_mul(f32x16_splat(-0.5f), s));
    e = f32x16_fma(e, f32x16_mul(f32x16_splat(-0.5f), rest), e);
    return (normal_tail){a, e, f32x16_mul(e, f32x16_mul(q, t))};
}

VD_INLINE f32x16 gelu(f32x16 x) {
    normal_tail tail = normal_tail_of(x);
    return f32x16_fma(f32x16_negate(tail.a), tail.share, positive(x));
}

VD_INLINE slopes gelu_slopes(f32x16 x) {
    normal_tail tail = normal_tail_of(x);
    f32x16 s = magnitude(f32x16_sub(step_at(x), tail.share));
    return (slopes){s, f32x16_fma(x, f32x16_mul(tail.e, f32x16_splat(VD_NORMAL_DENSITY)), s)};
}

VD_INLINE slopes tanh_slopes(f32x16 x) {
    f32x16 y = f32x16_tanh(x);
    return (slopes){ratio(y, x), f32x16_fma(f32x16_negate(y), y, one())};
}

VD_INLINE f32x16 squared_relu(f32x16 x) { return f32x16_mul(positive(x), positive(x)); }

VD_INLINE slopes squared_relu_slopes(f32x16 x) {
    return (slopes){positive(x), f32x16_add(positive(x), positive(x))};
}

VD_INLINE f32x16 elu(f32x16 x) {
    return f32x16_add(f32x16_expm1(f32x16_min(f32x16_zero(), x)), positive(x));
}

VD_INLINE slopes elu_slopes(f32x16 x) {
    f32x16 below = f32x16_min(f32x16_zero(), x);  // this operand order propagates NaN
    return (slopes){ratio(elu(x), x), f32x16_exp(below)};
}

// The operand order propagates NaN.
VD_INLINE f32x16 hard_tanh(f32x16 x) {
    return f32x16_min(one(), f32x16_max(f32x16_splat(-1.0f), x));
}

VD_INLINE slopes hard_tanh_slopes(f32x16 x) {
    f32x16 outside = step_at(f32x16_sub(magnitude(x), one()));
    return (slopes){ratio(hard_tanh(x), x), f32x16_sub(one(), outside)};
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

VD_INLINE f32x16 clamped_above(f32x16 x) {
    return f32x16_min(f32x16_splat(VD_SWISH_LIMIT), x);  // this operand order propagates NaN
}

VD_INLINE f32x16 clamped_swish(f32x16 x) {
    f32x16 c = clamped_above(x);
    return gate(c, f32x16_mul(f32x16_splat(-VD_SWISH_SLOPE), c));
}

VD_INLINE slopes clamped_swish_slopes(f32x16 x) {
    f32x16 slope = f32x16_splat(VD_SWISH_SLOPE);
    f32x16 c = clamped_above(x);
    f32x16 s = gate(one(), f32x16_mul(f32x16_negate(slope), c));
    f32x16 bent = f32x16_fma(f32x16_mul(slope, c), f32x16_sub(one(), s), one());
    return (slopes){f32x16_mul(s, kept(x)), f32x16_mul(f32x16_mul(s, bent), inside(x))};
}

VD_INLINE f32x16 clamped_linear(f32x16 x) {
    return f32x16_add(one(), f32x16_max(f32x16_splat(-VD_SWISH_LIMIT), clamped_above(x)));
}

VD_INLINE slopes clamped_linear_slopes(f32x16 x) {
    return (slopes){kept(magnitude(x)), inside(magnitude(x))};
}

VD_INLINE slopes identity_slopes(void) { return (slopes){one(), one()}; }

VD_INLINE f32x16 sigmoid(f32x16 x) { return gate(one(), f32x16_negate(x)); }

// Uses sigmoid(x) - 1/2 = tanh(x/2) / 2.
VD_INLINE slopes sigmoid_slopes(f32x16 x) {
    f32x16 half = f32x16_mul(f32x16_splat(0.5f), x), p = sigmoid(x);
    f32x16 s = f32x16_mul(f32x16_splat(0.25f), ratio(f32x16_tanh(half), half));
    return (slopes){s, f32x16_mul(p, f32x16_sub(one(), p))};
}

// Returns ln(1 + r) for -1/2 <= r <= 1.
VD_INLINE f32x16 log1p_of(f32x16 r) {
    f32x16 s = f32x16_div(r, f32x16_add(f32x16_splat(2.0f), r));
    f32x16 z = f32x16_mul(s, s);
    f32x16 q = f32x16_splat(0x1.1ed7bep-2f);
    q = f32x16_fma(q, z, f32x16_splat(0x1.1ebd0ep-2f));
    q = f32x16_fma(q, z, f32x16_splat(0x1.99d208p-2f));
    q = f32x16_fma(q, z, f32x16_splat(0x1.555502p-1f));
    return f32x16_fma(s, f32x16_fma(q, z, f32x16_negate(r)), r);
}

VD_INLINE f32x16 softplus(f32x16 x) {
    return f32x16_add(positive(x), log1p_of(f32x16_exp(f32x16_negate(magnitude(x)))));
}

// Uses y = softplus(x) - ln(2), which is 0 at the origin.
VD_INLINE slopes softplus_slopes(f32x16 x) {
    f32x16 half = f32x16_splat(0.5f);
    f32x16 r = f32x16_mul(half, f32x16_expm1(f32x16_negate(magnitude(x))));
    f32x16 y = f32x16_add(positive(x), log1p_of(r));
    return (slopes){f32x16_mul(half, ratio(y, f32x16_mul(half, x))), sigmoid(x)};
}

// Returns 2x where x < 0, else 0.
VD_INLINE f32x16 twice_below(f32x16 x) {
    f32x16 below = f32x16_min(f32x16_zero(), x);  // this operand order propagates NaN
    return f32x16_add(below, below);
}

VD_INLINE f32x16 decay_complement(f32x16 x) {
    return f32x16_sqrt(f32x16_sub(f32x16_zero(), f32x16_expm1(twice_below(x))));
}

// The divisor is bounded, since the derivative is infinite at 0.
VD_INLINE slopes decay_complement_slopes(f32x16 x) {
    f32x16 y = decay_complement(x);
    f32x16 divisor = f32x16_max(f32x16_splat(0.0005f), y);  // this operand order propagates NaN
    f32x16 inverse = f32x16_div(f32x16_exp(twice_below(x)), divisor);
    return (slopes){f32x16_negate(ratio(y, x)),
                    f32x16_mul(f32x16_sub(one(), step_at(x)), f32x16_negate(inverse))};
}

VD_INLINE f32x16 activate(int32_t kind, f32x16 x) {
    switch (kind) {
        case VD_ACTIVATION_SILU:
            return silu(x);
        case VD_ACTIVATION_GELU_TANH:
            return gelu_tanh(x);
        case VD_ACTIVATION_GELU:
            return gelu(x);
        case VD_ACTIVATION_TANH:
            return f32x16_tanh(x);
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
            return sigmoid(x);
        case VD_ACTIVATION_SOFTPLUS:
            return softplus(x);
        case VD_ACTIVATION_DECAY_COMPLEMENT:
            return decay_complement(x);
        default:
            return positive(x);
    }
}

VD_INLINE slopes slopes_of(int32_t kind, f32x16 x) {
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

void VD_NAME(vd_activation)(const vd_activation *op, vd_range range) {
    for (int64_t i = range.begin; i < range.end; i += 16) {
        int64_t left = range.end - i;
        f32x16 y = activate(op->kind, f32x16_load_up_to(op->x + i, left));
        y = op->up == NULL ? y : f32x16_mul(y, f32x16_load_up_to(op->up + i, left));
        f32x16_store_up_to(op->y + i, y, left);
    }
}

void VD_NAME(vd_activation_backward)(const vd_activation_backward *op, vd_range range) {
    for (int64_t i = range.begin; i < range.end; i += 16) {
        int64_t left = range.end - i;
        slopes s = slopes_of(op->kind, f32x16_load_up_to(op->x + i, left));
        f32x16 dy = f32x16_load_up_to(op->dy + i, left);
        dy = op->up == NULL ? dy : f32x16_mul(f32x16_load_up_to(op->up + i, left), dy);
        f32x16 slope = op->slope == VD_SLOPE_SECANT ? s.secant : s.derivative;
        f32x16_store_up_to(op->dx + i, f32x16_mul(slope, dy), left);
    }
}

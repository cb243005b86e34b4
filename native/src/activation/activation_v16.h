// The activation functions over 16 lanes.
#include "activation/activation.h"
#include "activation/normal_v16.h"
#include "activation/softplus_v16.h"
#include "simd/part_v16.h"
#include "simd/tanh_v16.h"

// Returns x * sigmoid(-exponent).
VD_INLINE f32x16 gate(f32x16 x, f32x16 exponent) {
    return f32x16_div(x, f32x16_add(f32x16_splat(1.0f), f32x16_exp(exponent)));
}

VD_INLINE f32x16 positive(f32x16 x) { return f32x16_max(x, f32x16_zero()); }

VD_INLINE f32x16 clamped(f32x16 x) {
    f32x16 limit = f32x16_splat(VD_SWISH_LIMIT);
    return f32x16_max(f32x16_negate(limit), f32x16_min(limit, x));
}

VD_INLINE f32x16 gelu(f32x16 x) {
    vd_normal_tail tail = vd_normal_tail_of(x);
    return f32x16_fma(f32x16_negate(tail.a), tail.share, positive(x));
}

VD_INLINE f32x16 activate(int32_t kind, f32x16 x) {
    switch (kind) {
        case VD_ACTIVATION_SILU:
            return gate(x, f32x16_negate(x));
        case VD_ACTIVATION_GELU_TANH: {
            f32x16 cubic = f32x16_mul(f32x16_splat(VD_GELU_CUBIC), x);
            f32x16 polynomial = f32x16_mul(x, f32x16_fma(cubic, x, f32x16_splat(1.0f)));
            return gate(x, f32x16_mul(f32x16_splat(VD_GELU_MINUS_2_SQRT_2_OVER_PI), polynomial));
        }
        case VD_ACTIVATION_GELU:
            return gelu(x);
        case VD_ACTIVATION_TANH:
            return f32x16_tanh(x);
        case VD_ACTIVATION_SQUARED_RELU:
            return f32x16_mul(positive(x), positive(x));
        case VD_ACTIVATION_ELU:
            return f32x16_add(f32x16_expm1(f32x16_min(f32x16_zero(), x)), positive(x));
        case VD_ACTIVATION_HARD_TANH:  // this operand order propagates NaN
            return f32x16_min(f32x16_splat(1.0f), f32x16_max(f32x16_splat(-1.0f), x));
        case VD_ACTIVATION_CLAMPED_SWISH: {
            f32x16 c = f32x16_min(f32x16_splat(VD_SWISH_LIMIT), x);  // propagates NaN
            return gate(c, f32x16_mul(f32x16_splat(-VD_SWISH_SLOPE), c));
        }
        case VD_ACTIVATION_CLAMPED_LINEAR:
            return f32x16_add(f32x16_splat(1.0f), clamped(x));
        case VD_ACTIVATION_IDENTITY:
            return x;
        case VD_ACTIVATION_SIGMOID:
            return gate(f32x16_splat(1.0f), f32x16_negate(x));
        case VD_ACTIVATION_SOFTPLUS:
            return f32x16_softplus(x);
        default:
            return positive(x);
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

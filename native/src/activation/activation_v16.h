// The activations over 16 lanes.
#include "activation/activation.h"
#include "activation/normal_v16.h"
#include "activation/softplus_v16.h"
#include "simd/part_v16.h"
#include "simd/tanh_v16.h"

// x * sigmoid(-exponent).
VD_INLINE v16 gate(v16 x, v16 exponent) {
    return v16_div(x, v16_add(v16_splat(1.0f), v16_exp(exponent)));
}

VD_INLINE v16 positive(v16 x) { return v16_max(x, v16_zero()); }

VD_INLINE v16 clamped(v16 x) {
    v16 limit = v16_splat(VD_SWISH_LIMIT);
    return v16_max(v16_negate(limit), v16_min(limit, x));
}

VD_INLINE v16 gelu(v16 x) {
    vd_normal_tail tail = vd_normal_tail_of(x);
    return v16_fma(v16_negate(tail.a), tail.share, positive(x));
}

VD_INLINE v16 activate(int32_t kind, v16 x) {
    switch (kind) {
        case VD_ACTIVATION_SILU:
            return gate(x, v16_negate(x));
        case VD_ACTIVATION_GELU_TANH: {
            v16 cubic = v16_mul(v16_splat(VD_GELU_CUBIC), x);
            v16 polynomial = v16_mul(x, v16_fma(cubic, x, v16_splat(1.0f)));
            return gate(x, v16_mul(v16_splat(VD_GELU_MINUS_2_SQRT_2_OVER_PI), polynomial));
        }
        case VD_ACTIVATION_GELU:
            return gelu(x);
        case VD_ACTIVATION_TANH:
            return v16_tanh(x);
        case VD_ACTIVATION_SQUARED_RELU:
            return v16_mul(positive(x), positive(x));
        case VD_ACTIVATION_ELU:
            return v16_add(v16_exp_less_one(v16_min(v16_zero(), x)), positive(x));
        case VD_ACTIVATION_HARD_TANH:  // in this order NaNs remain
            return v16_min(v16_splat(1.0f), v16_max(v16_splat(-1.0f), x));
        case VD_ACTIVATION_CLAMPED_SWISH: {
            v16 c = v16_min(v16_splat(VD_SWISH_LIMIT), x);  // in this order NaNs remain
            return gate(c, v16_mul(v16_splat(-VD_SWISH_SLOPE), c));
        }
        case VD_ACTIVATION_CLAMPED_LINEAR:
            return v16_add(v16_splat(1.0f), clamped(x));
        case VD_ACTIVATION_IDENTITY:
            return x;
        case VD_ACTIVATION_SIGMOID:
            return gate(v16_splat(1.0f), v16_negate(x));
        case VD_ACTIVATION_SOFTPLUS:
            return v16_softplus(x);
        default:
            return positive(x);
    }
}

void VD_NAME(vd_activation)(const vd_activation *op, vd_range range) {
    for (int64_t i = range.begin; i < range.end; i += 16) {
        int64_t left = range.end - i;
        v16 y = activate(op->kind, v16_load_up_to(op->x + i, left));
        y = op->up == NULL ? y : v16_mul(y, v16_load_up_to(op->up + i, left));
        v16_store_up_to(op->y + i, y, left);
    }
}

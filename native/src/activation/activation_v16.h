// The activations over 16 lanes.
#include "activation/activation.h"
#include "simd/exp_v16.h"

// x * sigmoid(-exponent).
VD_INLINE v16 gate(v16 x, v16 exponent) {
    return v16_div(x, v16_add(v16_splat(1.0f), v16_exp(exponent)));
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
        default:
            return v16_max(x, v16_zero());
    }
}

void VD_NAME(vd_activation)(const vd_activation *op, vd_range range) {
    int64_t i = range.begin;
    for (; i + 16 <= range.end; i += 16) {
        v16 y = activate(op->kind, v16_load(op->x + i));
        y = op->up == NULL ? y : v16_mul(y, v16_load(op->up + i));
        v16_store(op->y + i, y);
    }
    int64_t rest = range.end - i;
    if (rest > 0) {
        v16 y = activate(op->kind, v16_load_part(op->x + i, rest));
        y = op->up == NULL ? y : v16_mul(y, v16_load_part(op->up + i, rest));
        v16_store_part(op->y + i, y, rest);
    }
}

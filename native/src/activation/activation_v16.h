// The activations over 16 lanes.
#include "activation/activation.h"
#include "simd/exp_v16.h"
#include "simd/part_v16.h"
#include "simd/tanh_v16.h"

// x * sigmoid(-exponent).
VD_INLINE v16 gate(v16 x, v16 exponent) {
    return v16_div(x, v16_add(v16_splat(1.0f), v16_exp(exponent)));
}

VD_INLINE v16 gelu(v16 x) {
    v16 a = v16_from_bits(v16_magnitude_bits(x));
    a = v16_min(v16_splat(15.0f), a);  // in this order NaNs remain
    v16 t = v16_div(v16_splat(1.0f), v16_add(a, v16_splat(2.5f)));
    v16 u = v16_fma(v16_splat(-5.0f), t, v16_splat(1.0f));
    v16 q = v16_splat(vd_gelu_tail[0]);
    for (int i = 1; i < VD_GELU_TERMS; i++) {
        q = v16_fma(q, u, v16_splat(vd_gelu_tail[i]));
    }
    v16 s = v16_mul(a, a);
    v16 rest = v16_fma(a, a, v16_negate(s));
    v16 e = v16_exp(v16_mul(v16_splat(-0.5f), s));
    e = v16_fma(e, v16_mul(v16_splat(-0.5f), rest), e);
    return v16_fma(v16_negate(a), v16_mul(e, v16_mul(q, t)), v16_max(x, v16_zero()));
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
        default:
            return v16_max(x, v16_zero());
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

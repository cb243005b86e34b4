// softplus of docs/numerics.md over 16 lanes.
#ifndef VD_ACTIVATION_SOFTPLUS_V16_H
#define VD_ACTIVATION_SOFTPLUS_V16_H

#include "simd/tanh_v16.h"

// ln(1 + r) for -1/2 <= r <= 1.
VD_INLINE v16 v16_log_one_plus(v16 r) {
    v16 s = v16_div(r, v16_add(v16_splat(2.0f), r));
    v16 z = v16_mul(s, s);
    v16 q = v16_splat(0x1.1ed7bep-2f);
    q = v16_fma(q, z, v16_splat(0x1.1ebd0ep-2f));
    q = v16_fma(q, z, v16_splat(0x1.99d208p-2f));
    q = v16_fma(q, z, v16_splat(0x1.555502p-1f));
    return v16_fma(s, v16_fma(q, z, v16_negate(r)), r);
}

// -|x|.
VD_INLINE v16 v16_below(v16 x) { return v16_negate(v16_from_bits(v16_magnitude_bits(x))); }

VD_INLINE v16 v16_softplus(v16 x) {
    return v16_add(v16_max(x, v16_zero()), v16_log_one_plus(v16_exp(v16_below(x))));
}

// softplus(x) - ln(2), which goes through the origin.
VD_INLINE v16 v16_softplus_centered(v16 x) {
    v16 r = v16_mul(v16_splat(0.5f), v16_exp_less_one(v16_below(x)));
    return v16_add(v16_max(x, v16_zero()), v16_log_one_plus(r));
}

#endif

// tanh and exp(x) - 1 of docs/numerics.md over 16 lanes.
#ifndef VD_SIMD_TANH_V16_H
#define VD_SIMD_TANH_V16_H

#include "simd/exp_v16.h"

VD_INLINE v16 v16_exp_less_one(v16 x) {
    v16 y = v16_max(v16_splat(-20.0f), x);  // in this order NaNs remain
    y = v16_min(v16_splat(20.0f), y);
    v16i n = v16_round(v16_mul(y, v16_splat(0x1.715476p+0f)));
    v16 r = v16_exp_rest(y, v16_from_int(n));
    v16 power = v16_pow2(n);
    return v16_fma(v16_exp_minus_one(r), power, v16_sub(power, v16_splat(1.0f)));
}

VD_INLINE v16 v16_tanh(v16 x) {
    v16 e = v16_exp_less_one(v16_add(x, x));
    return v16_div(e, v16_add(e, v16_splat(2.0f)));
}

#endif

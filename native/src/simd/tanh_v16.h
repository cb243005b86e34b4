// tanh and expm1 over 16 lanes, as docs/numerics.md defines them.
#ifndef VD_SIMD_TANH_V16_H
#define VD_SIMD_TANH_V16_H

#include "simd/exp_v16.h"

VD_INLINE f32x16 f32x16_expm1(f32x16 x) {
    f32x16 y = f32x16_max(f32x16_splat(-20.0f), x);  // this operand order propagates NaN
    y = f32x16_min(f32x16_splat(20.0f), y);
    i32x16 n = f32x16_round(f32x16_mul(y, f32x16_splat(0x1.715476p+0f)));
    f32x16 r = f32x16_exp_remainder(y, f32x16_from_int(n));
    f32x16 power = f32x16_pow2(n);
    return f32x16_fma(f32x16_expm1_reduced(r), power, f32x16_sub(power, f32x16_splat(1.0f)));
}

VD_INLINE f32x16 f32x16_tanh(f32x16 x) {
    f32x16 e = f32x16_expm1(f32x16_add(x, x));
    return f32x16_div(e, f32x16_add(e, f32x16_splat(2.0f)));
}

#endif

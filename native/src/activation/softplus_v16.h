// Softplus over 16 lanes, as docs/numerics.md defines it.
#ifndef VD_ACTIVATION_SOFTPLUS_V16_H
#define VD_ACTIVATION_SOFTPLUS_V16_H

#include "simd/tanh_v16.h"

// Returns ln(1 + r) for -1/2 <= r <= 1.
VD_INLINE f32x16 f32x16_log1p(f32x16 r) {
    f32x16 s = f32x16_div(r, f32x16_add(f32x16_splat(2.0f), r));
    f32x16 z = f32x16_mul(s, s);
    f32x16 q = f32x16_splat(0x1.1ed7bep-2f);
    q = f32x16_fma(q, z, f32x16_splat(0x1.1ebd0ep-2f));
    q = f32x16_fma(q, z, f32x16_splat(0x1.99d208p-2f));
    q = f32x16_fma(q, z, f32x16_splat(0x1.555502p-1f));
    return f32x16_fma(s, f32x16_fma(q, z, f32x16_negate(r)), r);
}

// Returns -|x|.
VD_INLINE f32x16 f32x16_negative_abs(f32x16 x) {
    return f32x16_negate(f32x16_from_bits(f32x16_abs_bits(x)));
}

VD_INLINE f32x16 f32x16_softplus(f32x16 x) {
    return f32x16_add(f32x16_max(x, f32x16_zero()),
                      f32x16_log1p(f32x16_exp(f32x16_negative_abs(x))));
}

// Returns softplus(x) - ln(2), which is 0 at the origin.
VD_INLINE f32x16 f32x16_softplus_centered(f32x16 x) {
    f32x16 r = f32x16_mul(f32x16_splat(0.5f), f32x16_expm1(f32x16_negative_abs(x)));
    return f32x16_add(f32x16_max(x, f32x16_zero()), f32x16_log1p(r));
}

#endif

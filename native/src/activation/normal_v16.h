// The normal distribution of GELU over 16 lanes, as docs/numerics.md defines it.
#ifndef VD_ACTIVATION_NORMAL_V16_H
#define VD_ACTIVATION_NORMAL_V16_H

#include "activation/activation.h"
#include "simd/exp_v16.h"

typedef struct vd_normal_tail {
    f32x16 a;      // |x|, at most 15
    f32x16 e;      // e^(-a^2/2)
    f32x16 share;  // upper tail probability at a
} vd_normal_tail;

VD_INLINE vd_normal_tail vd_normal_tail_of(f32x16 x) {
    f32x16 a = f32x16_from_bits(f32x16_abs_bits(x));
    a = f32x16_min(f32x16_splat(15.0f), a);  // this operand order propagates NaN
    f32x16 t = f32x16_div(f32x16_splat(1.0f), f32x16_add(a, f32x16_splat(2.5f)));
    f32x16 u = f32x16_fma(f32x16_splat(-5.0f), t, f32x16_splat(1.0f));
    f32x16 q = f32x16_splat(vd_gelu_tail[0]);
    for (int i = 1; i < VD_GELU_TERMS; i++) {
        q = f32x16_fma(q, u, f32x16_splat(vd_gelu_tail[i]));
    }
    f32x16 s = f32x16_mul(a, a);
    f32x16 rest = f32x16_fma(a, a, f32x16_negate(s));
    f32x16 e = f32x16_exp(f32x16_mul(f32x16_splat(-0.5f), s));
    e = f32x16_fma(e, f32x16_mul(f32x16_splat(-0.5f), rest), e);
    return (vd_normal_tail){a, e, f32x16_mul(e, f32x16_mul(q, t))};
}

#endif

// The normal distribution over 16 lanes, as GELU has it in docs/numerics.md.
#ifndef VD_ACTIVATION_NORMAL_V16_H
#define VD_ACTIVATION_NORMAL_V16_H

#include "activation/activation.h"
#include "simd/exp_v16.h"

typedef struct vd_normal_tail {
    v16 a;      // |x|, at most 15
    v16 e;      // e^(-a^2/2)
    v16 share;  // of the distribution beyond a
} vd_normal_tail;

VD_INLINE vd_normal_tail vd_normal_tail_of(v16 x) {
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
    return (vd_normal_tail){a, e, v16_mul(e, v16_mul(q, t))};
}

#endif

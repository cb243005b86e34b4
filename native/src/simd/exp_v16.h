// exp over 16 lanes, as docs/numerics.md defines it.
#ifndef VD_SIMD_EXP_V16_H
#define VD_SIMD_EXP_V16_H

// Returns x - m * ln(2), with ln(2) split in two parts.
VD_INLINE f32x16 f32x16_exp_remainder(f32x16 x, f32x16 m) {
    f32x16 r = f32x16_fma(m, f32x16_splat(-0x1.62e4p-1f), x);
    return f32x16_fma(m, f32x16_splat(-0x1.7f7d1cp-20f), r);
}

// Returns e^r - 1 for |r| <= ln(2)/2.
VD_INLINE f32x16 f32x16_expm1_reduced(f32x16 r) {
    f32x16 q = f32x16_splat(0x1.6a23d0p-10f);
    q = f32x16_fma(q, r, f32x16_splat(0x1.123a20p-7f));
    q = f32x16_fma(q, r, f32x16_splat(0x1.5558f2p-5f));
    q = f32x16_fma(q, r, f32x16_splat(0x1.555492p-3f));
    q = f32x16_fma(q, r, f32x16_splat(0x1.fffffcp-2f));
    return f32x16_fma(f32x16_mul(r, r), q, r);
}

VD_INLINE f32x16 f32x16_exp(f32x16 x) {
    x = f32x16_max(f32x16_splat(-104.0f), x);  // this operand order propagates NaN
    x = f32x16_min(f32x16_splat(89.0f), x);
    i32x16 n = f32x16_round(f32x16_mul(x, f32x16_splat(0x1.715476p+0f)));
    f32x16 r = f32x16_exp_remainder(x, f32x16_from_int(n));
    f32x16 p = f32x16_add(f32x16_expm1_reduced(r), f32x16_splat(1.0f));
    return f32x16_ldexp_above(-104.0f, x, p, n);  // exp(-104) rounds to 0
}

#endif

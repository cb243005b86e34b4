// exp of docs/numerics.md over 16 lanes.
#ifndef VD_SIMD_EXP_V16_H
#define VD_SIMD_EXP_V16_H

// x - m * ln(2), where m * ln(2) has two parts.
VD_INLINE v16 v16_exp_rest(v16 x, v16 m) {
    v16 r = v16_fma(m, v16_splat(-0x1.62e4p-1f), x);
    return v16_fma(m, v16_splat(-0x1.7f7d1cp-20f), r);
}

// e^r - 1 for |r| <= ln(2)/2.
VD_INLINE v16 v16_exp_minus_one(v16 r) {
    v16 q = v16_splat(0x1.6a23d0p-10f);
    q = v16_fma(q, r, v16_splat(0x1.123a20p-7f));
    q = v16_fma(q, r, v16_splat(0x1.5558f2p-5f));
    q = v16_fma(q, r, v16_splat(0x1.555492p-3f));
    q = v16_fma(q, r, v16_splat(0x1.fffffcp-2f));
    return v16_fma(v16_mul(r, r), q, r);
}

VD_INLINE v16 v16_exp(v16 x) {
    x = v16_max(v16_splat(-104.0f), x);  // in this order NaNs remain
    x = v16_min(v16_splat(89.0f), x);
    v16i n = v16_round(v16_mul(x, v16_splat(0x1.715476p+0f)));
    v16 r = v16_exp_rest(x, v16_from_int(n));
    v16 p = v16_add(v16_exp_minus_one(r), v16_splat(1.0f));
    return v16_times_pow2(p, n);
}

#endif

// tanh of docs/numerics.md over 16 lanes.
#ifndef VD_SIMD_TANH_V16_H
#define VD_SIMD_TANH_V16_H

VD_INLINE v16 v16_tanh(v16 x) {
    v16 y = v16_add(x, x);
    y = v16_max(v16_splat(-20.0f), y);  // in this order NaNs remain
    y = v16_min(v16_splat(20.0f), y);
    v16i n = v16_round(v16_mul(y, v16_splat(0x1.715476p+0f)));
    v16 m = v16_from_int(n);
    v16 r = v16_fma(m, v16_splat(-0x1.62e4p-1f), y);
    r = v16_fma(m, v16_splat(-0x1.7f7d1cp-20f), r);
    v16 q = v16_splat(0x1.6a23d0p-10f);
    q = v16_fma(q, r, v16_splat(0x1.123a20p-7f));
    q = v16_fma(q, r, v16_splat(0x1.5558f2p-5f));
    q = v16_fma(q, r, v16_splat(0x1.555492p-3f));
    q = v16_fma(q, r, v16_splat(0x1.fffffcp-2f));
    v16 power = v16_pow2(n);
    v16 e = v16_fma(v16_fma(v16_mul(r, r), q, r), power, v16_sub(power, v16_splat(1.0f)));
    return v16_div(e, v16_add(e, v16_splat(2.0f)));
}

#endif

// The 16 virtual lanes of NEON with the dot products of FEAT_DotProd.
#ifndef VD_SIMD_V16_DOTPROD_H
#define VD_SIMD_V16_DOTPROD_H

#include "simd/lanes_neon.h"

#define VD_NAME(stem) stem##_dotprod

enum {
    VD_TILE_TOKENS = 2,  // quantized matmul: tokens and groups with sums that fill the registers
    VD_TILE_GROUPS = 1,
    VD_FEW_TOKENS = 1,  // up to this number, more groups instead: memory favors several streams
    VD_FEW_GROUPS = 2,
};

// Adds to each row's sum the products of 4 weights with the 4 bytes of a.
VD_INLINE i32x16 i8x64_dot_signed(i32x16 sum, i8x64 w, const int8_t *a) {
    int8x16_t four = i8x16_splat_four(a);
    return (i32x16){vdotq_s32(sum.a, w.a, four), vdotq_s32(sum.b, w.b, four),
                    vdotq_s32(sum.c, w.c, four), vdotq_s32(sum.d, w.d, four)};
}
VD_INLINE i32x16 i8x64_dot_unsigned(i32x16 sum, i8x64 w, const int8_t *a) {
    return i8x64_dot_signed(sum, w, a);
}

#include "simd/partial_sums_i32.h"

#endif

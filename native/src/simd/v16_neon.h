// The 16 virtual lanes of NEON of Armv8.0, with integer dot products that widen.
#ifndef VD_SIMD_V16_NEON_H
#define VD_SIMD_V16_NEON_H

#include "simd/lanes_neon.h"

#define VD_NAME(stem) stem##_neon

enum {
    VD_TILE_TOKENS = 2,  // quantized matmul: tokens and groups with sums that fill the registers
    VD_TILE_GROUPS = 1,
    VD_FEW_TOKENS = 1,  // up to this number, more groups instead: memory favors several streams
    VD_FEW_GROUPS = 2,
    VD_FLOAT_TILE_TOKENS = 2,  // float matmul: tokens and rows of a tile
    VD_FLOAT_TILE_ROWS = 2,
    VD_FLOAT_PANEL_TOKENS = 4,  // and tokens; one register of each is added with those of 4 rows
    VD_ATTENTION_QUERIES = 3,   // attention: queries, and vectors of positions or elements
    VD_ATTENTION_VECTORS = 2,
    VD_WIDE_QUERIES = 7,      // minimum queries for converting keys and values only once
    VD_GRADIENT_QUERIES = 4,  // attention backward: queries, and tiles of positions
    VD_GRADIENT_TILES = 1,
    VD_GRADIENT_SUMS = 1,  // and queries; their sums over positions are computed together
    VD_PANEL_ROWS = 6,     // matmul backward: rows, and vectors of columns
    VD_PANEL_WIDTH = 1,
};

// Two products of bytes fit 16 bits: 2 * 128 * 127 = 32512.
VD_INLINE int32x4_t i32x4_dot(int32x4_t sum, int8x16_t w, int8x16_t a) {
    int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(a));
    int16x8_t high = vmull_high_s8(w, a);
    return vpadalq_s16(sum, vpaddq_s16(low, high));
}

// Adds to each row's sum the products of 4 weights with the 4 bytes of a.
VD_INLINE i32x16 i8x64_dot_signed(i32x16 sum, i8x64 w, const int8_t *a) {
    int8x16_t four = i8x16_splat_four(a);
    return (i32x16){i32x4_dot(sum.a, w.a, four), i32x4_dot(sum.b, w.b, four),
                    i32x4_dot(sum.c, w.c, four), i32x4_dot(sum.d, w.d, four)};
}
VD_INLINE i32x16 i8x64_dot_unsigned(i32x16 sum, i8x64 w, const int8_t *a) {
    return i8x64_dot_signed(sum, w, a);
}

#include "simd/partial_sums_i32.h"

#endif

// The loaders of quantized types for the loops over packed weights, 16 rows in 16 lanes: the
// columns of a block, their offset from the true weights, and the factors of sub-blocks. The loops
// in matmul_quantized_v16.h are independent of the type. vidrio.h draws the layout at vd_pack, and
// docs/numerics.md defines the arithmetic.
#ifndef VD_MATMUL_BLOCKS_V16_H
#define VD_MATMUL_BLOCKS_V16_H

#include "types/types.h"

// Returns whether a type's loaded columns are signed bytes for i8x64_dot_signed; else they are 0 to
// 127, for i8x64_dot_unsigned.
VD_INLINE int vd_columns_signed(const int type) {
    const vd_block_layout layout = vd_block_layout_of(type);
    return layout.codes == VD_CODES_INT8 ||
           (layout.codes == VD_CODES_TABLE && layout.code_offset == 0);
}

VD_INLINE int vd_has_table(const int type) {
    const vd_codes codes = vd_block_layout_of(type).codes;
    return codes == VD_CODES_TABLE || codes == VD_CODES_GRID;
}

// Returns the weights by code of a type with a table.
VD_INLINE i8x64 vd_table(const int type) {
    static const int8_t iq4[16] = VD_IQ4_WEIGHTS;
    static const int8_t mxfp4[16] = VD_MXFP4_WEIGHTS(VD_MXFP4_RAISE);
    static const int8_t iq3_s[16] = VD_IQ3_S_WEIGHTS(VD_IQ3_S_RAISE);
    static const int8_t iq3_xxs[16] = VD_IQ3_XXS_WEIGHTS(VD_IQ3_XXS_RAISE);
    static const int8_t iq2[16] = VD_IQ2_WEIGHTS(VD_IQ2_RAISE);
    static const int8_t iq1[16] = VD_IQ1_WEIGHTS(VD_IQ1_RAISE);
    switch (type) {
        case VD_MXFP4:
            return i8x64_table(mxfp4);
        case VD_IQ3_S:
            return i8x64_table(iq3_s);
        case VD_IQ3_XXS:
            return i8x64_table(iq3_xxs);
        case VD_IQ2_S:
        case VD_IQ2_XXS:
            return i8x64_table(iq2);
        case VD_IQ1_M:
        case VD_IQ1_S:
            return i8x64_table(iq1);
        default:
            return i8x64_signed(i8x64_table(iq4));
    }
}

// Extracts the bits of columns 4k to 4k+3 from a plane of `bits` bits and shifts them to bit `to`.
VD_INLINE i8x64 vd_plane(const uint8_t *plane, const int bits, int k, const int to) {
    return i8x64_bits(i8x64_load(plane + VD_UNIT_BYTES * (k % bits)), bits * (k / bits), bits, to);
}

// Loads the weights of columns 4k to 4k+3 (k from 0 to 7) of the 32 columns with units from
// `quants` on. They exceed the true weights by vd_bias(type).
VD_INLINE i8x64 vd_columns(const int type, const uint8_t *quants, int k) {
    const vd_block_layout layout = vd_block_layout_of(type);
    if (layout.low_bits == 8) {
        return i8x64_signed(i8x64_load(quants + VD_UNIT_BYTES * k));
    }
    i8x64 codes = vd_plane(quants, layout.low_bits, k, 0);
    if (layout.high_bits > 0) {
        const uint8_t *high = quants + VD_UNIT_BYTES * layout.low_bits;
        codes = i8x64_or(codes, vd_plane(high, layout.high_bits, k, layout.low_bits));
    }
    return vd_has_table(type) ? i8x64_lookup(vd_table(type), codes) : codes;
}

// Returns by how much the loaded weights exceed the true ones.
VD_INLINE int32_t vd_bias(const int type) {
    return vd_columns_signed(type) ? VD_SIGNED_BIAS : vd_block_layout_of(type).code_offset;
}

// Returns an upper bound of the magnitude of loaded weights: one less than a power of two, or 128,
// so that the number of columns with sums that fit 16 bits divides a sub-block.
VD_INLINE int vd_max_column(const int type) {
    if (vd_columns_signed(type)) {
        return 128;
    }
    if (!vd_has_table(type)) {
        return (1 << vd_code_bits(type)) - 1;
    }
    return 2 * vd_bias(type) < 32 ? 31 : 2 * vd_bias(type) < 64 ? 63 : 127;
}

// Adds to each row's sum the products of 4 loaded weights with the 4 activations at a.
VD_INLINE i32x16 vd_dot(const int type, i32x16 sum, i8x64 w, const int8_t *a) {
    return vd_columns_signed(type) ? i8x64_dot_signed(sum, w, a) : i8x64_dot_unsigned(sum, w, a);
}

// The quantization results of 32 activations.
typedef struct vd_block_sums {
    const int32_t *sum;  // of each 16
    float scale;
    float scaled_sum;
} vd_block_sums;

// Returns the sum of the activations of sub-block s of 32 columns, or that sum times their scale.
VD_INLINE int32_t vd_sub_block_sum(const int sub_block, vd_block_sums a, int s) {
    return sub_block == VD_BLOCK ? a.sum[0] + a.sum[1] : a.sum[s];
}
VD_INLINE float vd_sub_block_scaled_sum(const int sub_block, vd_block_sums a, int s) {
    return sub_block == VD_BLOCK ? a.scaled_sum
                                 : a.scale * (float)vd_sub_block_sum(sub_block, a, s);
}

// Extracts number c of the 16 that three words per row hold: low nibbles in the first two, high
// pairs in the third.
VD_INLINE i32x16 vd_six_bits(const uint8_t *words, int c) {
    i32x16 low = i32x16_bits(i32x16_load(words + VD_UNIT_BYTES * (c / 8)), 4 * (c % 8), 15);
    i32x16 high = i32x16_bits(i32x16_load(words + VD_UNIT_BYTES * 2), 2 * c, 3);
    return i32x16_add(low, i32x16_shift_left(high, 4));
}

// Returns 2^(e - 128), or NaN for e = 255. It is half of 2^(e - 127), a float with the bits e << 23
// except for e = 0.
VD_INLINE f32x16 vd_power_of_two(i32x16 e) {
    i32x16 not_a_number = i32x16_bits(i32x16_add(e, i32x16_splat(1)), 8, 1);
    i32x16 bits = i32x16_add(i32x16_shift_left(e, 23), not_a_number);
    return f32x16_mul(f32x16_from_bits(i32x16_max(bits, i32x16_splat(1 << 22))),
                      f32x16_splat(0.5f));
}

// Returns the scales of sub-block j of the block with the factors at `factors`.
VD_INLINE f32x16 vd_scales(const int type, const uint8_t *factors, int j) {
    const uint8_t *codes = factors + vd_packed_codes(type);
    i32x16 scale;
    if (vd_block_layout_of(type).scales == VD_SCALE_BYTES) {
        scale = i32x16_load_signed_bytes(codes + VD_PACK_ROWS * j);
        return f32x16_mul(f32x16_mul(f32x16_load_halves(factors), f32x16_from_int(scale)),
                          f32x16_splat(vd_block_layout_of(type).scale_unit));
    }
    switch (type) {
        case VD_MXFP4:
            return vd_power_of_two(i32x16_load_bytes(factors));
        case VD_Q2_K:
            scale = i32x16_bits(i32x16_load_bytes(codes + VD_PACK_ROWS * j), 0, 15);
            break;
        case VD_Q3_K:
            scale = i32x16_sub(vd_six_bits(codes, j), i32x16_splat(32));
            break;
        case VD_Q4_K:
        case VD_Q5_K:
            scale = vd_six_bits(codes, j);
            break;
        default:
            return f32x16_load_halves(factors);
    }
    return f32x16_mul(f32x16_load_halves(factors), f32x16_from_int(scale));
}

// Returns the minima of sub-block j, for types that have minima.
VD_INLINE f32x16 vd_minima(const int type, const uint8_t *factors, int j) {
    const uint8_t *codes = factors + vd_packed_codes(type);
    f32x16 dmin = f32x16_load_halves(factors + VD_PACK_ROWS * 2);
    switch (type) {
        case VD_Q2_K:
            return f32x16_negate(f32x16_mul(
                dmin,
                f32x16_from_int(i32x16_bits(i32x16_load_bytes(codes + VD_PACK_ROWS * j), 4, 15))));
        case VD_Q4_K:
        case VD_Q5_K:
            return f32x16_negate(f32x16_mul(dmin, f32x16_from_int(vd_six_bits(codes, 8 + j))));
        default:
            return dmin;
    }
}

// Returns the bytes of 32 columns of a packed group.
VD_INLINE int64_t vd_column_bytes(const int type) {
    const vd_block_layout layout = vd_block_layout_of(type);
    return VD_PACK_ROWS * vd_packed_row_bytes(type, layout.elements) * VD_BLOCK / layout.elements;
}

#endif

// The integers of packed weights as floats, 16 rows in 16 lanes, for the loops of matmul in bf16.
#ifndef VD_MATMUL_INTEGERS_V16_H
#define VD_MATMUL_INTEGERS_V16_H

#include "matmul/blocks_v16.h"
#include "types/types.h"

// Returns whether a type's codes are looked up as floats: they have one plane, of at most 4 bits.
VD_INLINE int vd_looks_up(const int type) {
    const vd_block_layout layout = vd_block_layout_of(type);
    return VD_FLOAT_LOOKUP && layout.high_bits == 0 && layout.low_bits <= 4;
}

// Returns the integers of a type by code, repeated for codes of fewer than 4 bits.
VD_INLINE f32x16 vd_float_table(const int type) {
    static const float codes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    static const float iq4[16] = VD_IQ4_WEIGHTS;
    static const float mxfp4[16] = VD_MXFP4_WEIGHTS(0);
    static const float iq3_s[16] = VD_IQ3_S_WEIGHTS(0);
    static const float iq3_xxs[16] = VD_IQ3_XXS_WEIGHTS(0);
    static const float pairs[16] = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
    switch (type) {
        case VD_IQ4_NL:
        case VD_IQ4_XS:
            return f32x16_load(iq4);
        case VD_MXFP4:
            return f32x16_load(mxfp4);
        case VD_IQ3_S:
            return f32x16_load(iq3_s);
        case VD_IQ3_XXS:
            return f32x16_load(iq3_xxs);
        default: {
            const vd_block_layout layout = vd_block_layout_of(type);
            return f32x16_sub(f32x16_load(layout.low_bits == 2 ? pairs : codes),
                              f32x16_splat((float)layout.code_offset));
        }
    }
}

// Loads four adjacent columns: their codes, or their bytes.
VD_INLINE i8x64 vd_load_four(const int type, const uint8_t *columns, int q) {
    return vd_looks_up(type) ? i8x64_load(columns + VD_UNIT_BYTES * (q % vd_code_bits(type)))
                             : vd_columns(type, columns, q);
}

// Returns the integers of column j (0 to 3) of four adjacent ones, the q-th of 32.
VD_INLINE f32x16 vd_integers_of(const int type, i8x64 four, int q, int j) {
    if (vd_looks_up(type)) {
        const int bits = vd_code_bits(type);
        return f32x16_lookup(vd_float_table(type), four, 8 * j + q / bits * bits);
    }
    const int raise = vd_columns_signed(type) && VD_SIGNED_BIAS == 0;  // two's complement
    return f32x16_from_byte(four, j, raise, raise ? 128 : vd_bias(type));
}

// A position in a packed group.
typedef struct vd_packed_at {
    const uint8_t *columns;
    const uint8_t *factors;  // of the block
    int j;                   // the sub-block in the block
} vd_packed_at;

VD_INLINE vd_packed_at vd_packed_at_column(const int type, const vd_matmul *op, int64_t g,
                                           int64_t k) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const uint8_t *group = (const uint8_t *)op->weights + g * vd_packed_group_bytes(type, op->K);
    return (vd_packed_at){group + k / VD_BLOCK * VD_UNIT_BYTES * vd_code_bits(type),
                          group + vd_packed_factors(type, op->K) +
                              k / layout.elements * VD_PACK_ROWS * layout.factor_bytes,
                          (int)(k % layout.elements / layout.sub_block)};
}

VD_INLINE void vd_next_columns(const int type, vd_packed_at *at) {
    const vd_block_layout layout = vd_block_layout_of(type);
    at->columns += VD_UNIT_BYTES * vd_code_bits(type);
    at->j += VD_BLOCK / layout.sub_block;
    if (at->j * layout.sub_block == layout.elements) {
        at->factors += VD_PACK_ROWS * layout.factor_bytes;
        at->j = 0;
    }
}

#endif

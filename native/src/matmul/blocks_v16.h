// What a quantized type brings to the loops over packed weights, 16 rows in 16 lanes: the columns
// of a block, how far they lie above the true weights, and the factors of its sub-blocks. The loops
// in matmul_quantized_v16.h know no type. The layout stands at vd_pack, the arithmetic in
// docs/numerics.md.
#ifndef VD_MATMUL_BLOCKS_V16_H
#define VD_MATMUL_BLOCKS_V16_H

#include "core/types.h"

// 1 for types whose loaded columns are bytes for v64_dot_signed, else they are 0 to 127 and for
// v64_dot_unsigned.
VD_INLINE int vd_columns_signed(const int type) { return type == VD_Q8_0; }

// Weights of columns 4k to 4k+3 (k from 0 to 7) of the 32 columns whose units start at `quants`,
// vd_bias(type) above their true values.
VD_INLINE v64 vd_columns(const int type, const uint8_t *quants, int k) {
    switch (type) {
        case VD_Q8_0:
            return v64_load_signed(quants + VD_UNIT_BYTES * k);
        default:  // 4-bit: the second half of the block lies in the high nibbles
            return k < 4 ? v64_low_nibbles(v64_load(quants + VD_UNIT_BYTES * k))
                         : v64_high_nibbles(v64_load(quants + VD_UNIT_BYTES * (k - 4)));
    }
}

// The greatest magnitude of a loaded column.
VD_INLINE int vd_greatest_column(const int type) {
    return vd_columns_signed(type) ? 128 : (1 << vd_code_bits(type)) - 1;
}

// By how much the loaded weights exceed the true ones.
VD_INLINE int32_t vd_bias(const int type) {
    return vd_columns_signed(type) ? VD_SIGNED_BIAS : type == VD_Q4_0 ? 8 : 0;
}

// Per row: sum + the products of 4 loaded weights with the 4 activations at a.
VD_INLINE v16i vd_dot(const int type, v16i sum, v64 w, const int8_t *a) {
    return vd_columns_signed(type) ? v64_dot_signed(sum, w, a) : v64_dot_unsigned(sum, w, a);
}

// Scale of sub-block j, and the minimum of types that have one, counted within the block whose
// factors start at `factors`.
VD_INLINE v16 vd_scale(const int type, const uint8_t *factors, int j) {
    (void)type;
    (void)j;
    return v16_load_halves(factors);
}

VD_INLINE v16 vd_minimum(const int type, const uint8_t *factors, int j) {
    (void)type;
    (void)j;
    return v16_load_halves(factors + VD_PACK_ROWS * 2);
}

#endif

// Weight types: their table (types.inc), and the sizes that follow from it of rows in a GGUF file
// and of packed groups of rows. vidrio.h draws the packed layout.
#ifndef VD_TYPES_TYPES_H
#define VD_TYPES_TYPES_H

#include <stdint.h>

#include "core/arch.h"
#include "types/half.h"
#include "vidrio.h"

enum {
    VD_BLOCK = 32,      // activations that share a scale; a step of K in packed weights
    VD_SUM_BLOCK = 16,  // activations that share a sum: the smallest sub-block of any weight type
    VD_PACK_ROWS = 16,  // rows of a packed group
    VD_UNIT_BYTES = 64  // 16 rows of 4 bytes
};

// How the code of an element stands for an integer weight.
typedef enum vd_codes {
    VD_CODES_OFFSET,     // code - code_offset
    VD_CODES_INT8,       // two's complement
    VD_CODES_TABLE,      // an index of a table
    VD_CODES_GRID,       // an index of a table; files have points of a grid (types/codebooks.h)
    VD_CODES_UNENCODED,  // code - code_offset, in types that vd_encode does not support
} vd_codes;

// How a packed block stores the scales of its sub-blocks.
typedef enum vd_scale_form {
    VD_SCALE_HALF,      // one half d
    VD_SCALE_EXPONENT,  // one byte e: 2^(e - 128)
    VD_SCALE_BYTES,     // a half d, and per sub-block a signed byte that d is multiplied by
    VD_SCALE_FOUR_BIT,  // d (and dmin), and per sub-block a byte scale | minimum << 4
    VD_SCALE_SIX_BIT,   // d (and dmin), and 16 codes of 6 bits: scales, then minima
} vd_scale_form;

// The layout of a quantized type's block: a row of types.inc.
typedef struct vd_block_layout {
    int32_t elements;   // of a block: 32, 64, or 256, the last with quantized scales in most types
    int32_t sub_block;  // elements that share a scale: 32 or 16
    int32_t low_bits;   // of a code: 2, 4 or 8; packed in a plane of their own
    int32_t high_bits;  // 0, 1 or 2; likewise
    int32_t factor_bytes;  // of a packed block per row: all that is not codes
    int32_t minima;        // 1 if a sub-block has a minimum too
    int32_t file_bytes;    // of a block in a GGUF file
    int32_t code_offset;   // by which codes, or entries of an unsigned table, exceed weights
    float scale_unit;      // constant factor of a sub-block's scale
    vd_codes codes;
    vd_scale_form scales;
} vd_block_layout;

// Offsets that make the entries of a table unsigned.
enum {
    VD_MXFP4_RAISE = 12,
    VD_IQ3_S_RAISE = 15,
    VD_IQ3_XXS_RAISE = 31,
    VD_IQ2_RAISE = 43,
    VD_IQ1_RAISE = 9
};

// Returns the layout of a type; all members are zero for types without blocks.
VD_INLINE vd_block_layout vd_block_layout_of(int32_t type) {
    switch (type) {
#define VD_BLOCK_TYPE(TYPE, name, ...) \
    case VD_##TYPE:                    \
        return (vd_block_layout){__VA_ARGS__};
#define VD_TWIN_TYPE(TYPE, name, TWIN, twin, ...) VD_BLOCK_TYPE(TYPE, name, __VA_ARGS__)
#include "types/types.inc"
        default:
            return (vd_block_layout){0};
    }
}

VD_INLINE int vd_is_quantized(int32_t type) { return vd_block_layout_of(type).elements > 0; }

// Returns the bytes of an element of a type without blocks, else 0.
VD_INLINE int64_t vd_float_bytes(int32_t type) {
    switch (type) {
#define VD_FLOAT_TYPE(TYPE, name, bytes) \
    case VD_##TYPE:                      \
        return bytes;
#include "types/types.inc"
        default:
            return 0;
    }
}

// Returns the bits of an element's code, which is also the number of units that hold 32 columns of
// a packed group.
VD_INLINE int32_t vd_code_bits(int32_t type) {
    vd_block_layout block = vd_block_layout_of(type);
    return block.low_bits + block.high_bits;
}

// Weights by code, raised by r. Codes of MXFP4 are E2M1 numbers, here doubled. Those of IQ3 and IQ2
// are a grid digit with a sign bit above it; those of IQ1 a digit with, above it, the sign of the
// term that is added to eight times the digit's value.
#define VD_IQ4_WEIGHTS {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}
#define VD_SIGNED_EIGHT(r, a, b, c, d, e, f, g, h)           \
    {r + a, r + b, r + c, r + d, r + e, r + f, r + g, r + h, \
     r - a, r - b, r - c, r - d, r - e, r - f, r - g, r - h}
#define VD_MXFP4_WEIGHTS(r) VD_SIGNED_EIGHT(r, 0, 1, 2, 3, 4, 6, 8, 12)
#define VD_IQ3_S_WEIGHTS(r) VD_SIGNED_EIGHT(r, 1, 3, 5, 7, 9, 11, 13, 15)
#define VD_IQ3_XXS_WEIGHTS(r) VD_SIGNED_EIGHT(r, 2, 6, 10, 14, 18, 22, 26, 31)
#define VD_IQ2_WEIGHTS(r) {r + 8, r + 25, r + 43, 0, r - 8, r - 25, r - 43, 0}
#define VD_IQ1_WEIGHTS(r) {r - 7, r + 1, r + 9, 0, r - 9, r - 1, r + 7, 0}

// Returns the bytes of K elements in a file, or 0 if they do not fill whole blocks or the type is
// unknown.
VD_INLINE int64_t vd_row_bytes(int32_t type, int64_t K) {
    vd_block_layout block = vd_block_layout_of(type);
    if (block.elements > 0) {
        return K % block.elements == 0 ? K / block.elements * block.file_bytes : 0;
    }
    return K * vd_float_bytes(type);
}

// Returns the bytes from the start of a packed group to its factors.
VD_INLINE int64_t vd_packed_factors(int32_t type, int64_t K) {
    return K / VD_BLOCK * VD_UNIT_BYTES * vd_code_bits(type);
}

// Returns the bytes from the start of a packed block's factors to the codes of its scales and
// minima, in types that have such codes.
VD_INLINE int64_t vd_packed_codes(int32_t type) {
    return VD_PACK_ROWS * 2 * (1 + vd_block_layout_of(type).minima);
}

// Returns the bytes of a row in a packed group.
VD_INLINE int64_t vd_packed_row_bytes(int32_t type, int64_t K) {
    vd_block_layout block = vd_block_layout_of(type);
    return K / block.elements * (block.elements / 8 * vd_code_bits(type) + block.factor_bytes);
}

// Returns the bytes from one packed group to the next.
VD_INLINE int64_t vd_packed_group_bytes(int32_t type, int64_t K) {
    return (VD_PACK_ROWS * vd_packed_row_bytes(type, K) + 63) / 64 * 64;
}

#endif

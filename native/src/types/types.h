// Half precision, and how the elements of each weight type lie in memory.
#ifndef VD_TYPES_TYPES_H
#define VD_TYPES_TYPES_H

#include <stdint.h>
#include <string.h>

#include "core/arch.h"
#include "vidrio.h"

enum {
    VD_BLOCK = 32,      // activations that share a scale; a step of K in packed weights
    VD_SUM_BLOCK = 16,  // activations that share a sum: the smallest sub-block of any weight type
    VD_PACK_ROWS = 16,  // rows of a packed group
    VD_UNIT_BYTES = 64  // 16 rows of 4 bytes
};

// A quantized type's block. Packed, the low and the high bits of its elements' codes lie in planes
// of their own.
typedef struct vd_block_layout {
    int32_t elements;      // of a block: 32, or 256 where scales are themselves quantized
    int32_t sub_block;     // elements that share a scale: 32 or 16
    int32_t low_bits;      // of a code: 2, 4 or 8
    int32_t high_bits;     // 0, 1 or 2
    int32_t factor_bytes;  // of a packed block: what is not codes
    int32_t minima;        // 1 when a sub-block has a minimum too
    int32_t file_bytes;    // of a block in a GGUF file
} vd_block_layout;

// All zero for types without blocks.
VD_INLINE vd_block_layout vd_block_layout_of(int32_t type) {
    switch (type) {
        case VD_Q4_0:
        case VD_IQ4_NL:
            return (vd_block_layout){32, 32, 4, 0, 2, 0, 18};
        case VD_Q4_1:
            return (vd_block_layout){32, 32, 4, 0, 4, 1, 20};
        case VD_Q5_0:
            return (vd_block_layout){32, 32, 4, 1, 2, 0, 22};
        case VD_Q5_1:
            return (vd_block_layout){32, 32, 4, 1, 4, 1, 24};
        case VD_Q8_0:
            return (vd_block_layout){32, 32, 8, 0, 2, 0, 34};
        case VD_MXFP4:
            return (vd_block_layout){32, 32, 4, 0, 1, 0, 17};
        case VD_Q2_K:
            return (vd_block_layout){256, 16, 2, 0, 20, 1, 84};
        case VD_Q3_K:
            return (vd_block_layout){256, 16, 2, 1, 14, 0, 110};
        case VD_Q4_K:
            return (vd_block_layout){256, 32, 4, 0, 16, 1, 144};
        case VD_Q5_K:
            return (vd_block_layout){256, 32, 4, 1, 16, 1, 176};
        case VD_Q6_K:
            return (vd_block_layout){256, 16, 4, 2, 18, 0, 210};
        case VD_IQ4_XS:
            return (vd_block_layout){256, 32, 4, 0, 10, 0, 136};
        case VD_IQ3_S:
            return (vd_block_layout){256, 32, 4, 0, 10, 0, 110};
        case VD_IQ3_XXS:
            return (vd_block_layout){256, 32, 4, 0, 10, 0, 98};
        case VD_IQ2_S:
            return (vd_block_layout){256, 16, 2, 1, 18, 0, 82};
        case VD_IQ2_XS:
            return (vd_block_layout){256, 16, 2, 1, 18, 0, 74};
        case VD_IQ2_XXS:
            return (vd_block_layout){256, 32, 2, 1, 10, 0, 66};
        case VD_IQ1_M:
            return (vd_block_layout){256, 16, 2, 1, 18, 0, 56};
        case VD_IQ1_S:
            return (vd_block_layout){256, 32, 2, 1, 10, 0, 50};
        case VD_TQ2_0:
            return (vd_block_layout){256, 32, 2, 0, 2, 0, 66};
        case VD_TQ1_0:
            return (vd_block_layout){256, 32, 2, 0, 2, 0, 54};
        default:
            return (vd_block_layout){0, 0, 0, 0, 0, 0, 0};
    }
}

VD_INLINE int vd_is_quantized(int32_t type) { return vd_block_layout_of(type).elements > 0; }

// 1 for types whose files have points of a grid.
VD_INLINE int vd_has_grid(int32_t type) {
    switch (type) {
        case VD_IQ3_S:
        case VD_IQ3_XXS:
        case VD_IQ2_S:
        case VD_IQ2_XS:
        case VD_IQ2_XXS:
        case VD_IQ1_M:
        case VD_IQ1_S:
            return 1;
        default:
            return 0;
    }
}

// 1 for types that have a byte of two's complement for each sub-block, which d is multiplied by.
VD_INLINE int vd_has_scale_bytes(int32_t type) {
    return type == VD_Q6_K || type == VD_IQ4_XS || vd_has_grid(type);
}

// Bits of an element's code: as many units of a packed group hold 32 columns.
VD_INLINE int32_t vd_code_bits(int32_t type) {
    vd_block_layout block = vd_block_layout_of(type);
    return block.low_bits + block.high_bits;
}

// By how much a code exceeds the weight that it stands for, in types without a table or sign.
VD_INLINE int32_t vd_code_offset(int32_t type) {
    switch (type) {
        case VD_Q4_0:
            return 8;
        case VD_Q5_0:
            return 16;
        case VD_Q3_K:
            return 4;
        case VD_Q6_K:
            return 32;
        case VD_TQ1_0:
        case VD_TQ2_0:
            return 1;
        default:
            return 0;
    }
}

// What codes stand for in types with a table, and the same raised by r. Codes of MXFP4 are E2M1
// numbers, here doubled. Those of IQ3 and IQ2 are a digit of a grid and a sign above it; those of
// IQ1 a digit, and above it the sign of what is added to eight times the digit's number.
#define VD_IQ4_WEIGHTS {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}
#define VD_SIGNED_EIGHT(r, a, b, c, d, e, f, g, h)           \
    {r + a, r + b, r + c, r + d, r + e, r + f, r + g, r + h, \
     r - a, r - b, r - c, r - d, r - e, r - f, r - g, r - h}
#define VD_MXFP4_WEIGHTS(r) VD_SIGNED_EIGHT(r, 0, 1, 2, 3, 4, 6, 8, 12)
#define VD_IQ3_S_WEIGHTS(r) VD_SIGNED_EIGHT(r, 1, 3, 5, 7, 9, 11, 13, 15)
#define VD_IQ3_XXS_WEIGHTS(r) VD_SIGNED_EIGHT(r, 2, 6, 10, 14, 18, 22, 26, 31)
#define VD_IQ2_WEIGHTS(r) {r + 8, r + 25, r + 43, 0, r - 8, r - 25, r - 43, 0}
#define VD_IQ1_WEIGHTS(r) {r - 7, r + 1, r + 9, 0, r - 9, r - 1, r + 7, 0}

// By what, besides d and its code, the scale of a sub-block is multiplied.
VD_INLINE float vd_scale_unit(int32_t type) {
    switch (type) {
        case VD_IQ3_XXS:
            return 0.5f;
        case VD_IQ2_S:
        case VD_IQ2_XS:
        case VD_IQ2_XXS:
        case VD_IQ1_M:
        case VD_IQ1_S:
            return 0.125f;
        default:
            return 1.0f;
    }
}

// Bytes of K elements in rows, 0 when they do not fill whole blocks or the type is unknown.
VD_INLINE int64_t vd_row_bytes(int32_t type, int64_t K) {
    vd_block_layout block = vd_block_layout_of(type);
    if (block.elements > 0) {
        return K % block.elements == 0 ? K / block.elements * block.file_bytes : 0;
    }
    return type == VD_F32 ? 4 * K : type == VD_F16 || type == VD_BF16 ? 2 * K : 0;
}

// Bytes from the start of a packed group to its factors.
VD_INLINE int64_t vd_packed_factors(int32_t type, int64_t K) {
    return K / VD_BLOCK * VD_UNIT_BYTES * vd_code_bits(type);
}

// Bytes from the start of a packed block's factors to the codes of its scales and minima, in types
// that have such codes.
VD_INLINE int64_t vd_packed_codes(int32_t type) {
    return VD_PACK_ROWS * 2 * (1 + vd_block_layout_of(type).minima);
}

// Bytes that a row takes in a packed group.
VD_INLINE int64_t vd_packed_row_bytes(int32_t type, int64_t K) {
    vd_block_layout block = vd_block_layout_of(type);
    return K / block.elements * (block.elements / 8 * vd_code_bits(type) + block.factor_bytes);
}

// Bytes from one packed group to the next.
VD_INLINE int64_t vd_packed_group_bytes(int32_t type, int64_t K) {
    return (VD_PACK_ROWS * vd_packed_row_bytes(type, K) + 63) / 64 * 64;
}

VD_INLINE float vd_bits_to_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

VD_INLINE uint32_t vd_float_to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// Exact. A denormal half m * 2^-24 is made by the multiplication, which does not round.
VD_INLINE float vd_half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 0x1f;
    uint32_t mantissa = half & 0x3ff;
    if (exponent == 0) {
        float magnitude = (float)mantissa * 0x1p-24f;
        return vd_bits_to_float(sign | vd_float_to_bits(magnitude));
    }
    uint32_t biased = exponent == 31 ? 255 : exponent + 127 - 15;
    return vd_bits_to_float(sign | biased << 23 | mantissa << 13);
}

// The nearest half, ties to even. Below 2^-14 halves are multiples of 2^-24, as floats near 1/2
// are: adding 1/2 rounds to them.
VD_INLINE uint16_t vd_float_to_half(float value) {
    uint32_t bits = vd_float_to_bits(value);
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t magnitude = bits & 0x7fffffff;
    uint32_t half = (magnitude + 0xfff + (magnitude >> 13 & 1) - (112u << 23)) >> 13;
    uint32_t small = vd_float_to_bits(vd_bits_to_float(magnitude) + 0.5f) - vd_float_to_bits(0.5f);
    half = magnitude < 113u << 23 ? small : half;
    half = magnitude >= 143u << 23 ? 0x7c00 : half;
    half = magnitude > 255u << 23 ? 0x7e00 : half;
    return (uint16_t)(sign | half);
}

// The nearest bfloat16, ties to even.
VD_INLINE uint16_t vd_float_to_bfloat(float value) {
    uint32_t bits = vd_float_to_bits(value);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (uint16_t)((bits & 0x7fffffff) > 255u << 23 ? bits >> 16 | 0x40 : rounded);
}

VD_INLINE float vd_bfloat_to_float(uint16_t value) {
    return vd_bits_to_float((uint32_t)value << 16);
}

// Weights may have any alignment.
VD_INLINE float vd_load_float(const void *p) {
    float value;
    memcpy(&value, p, sizeof value);
    return value;
}

// The upper half of a float.
VD_INLINE float vd_load_bfloat(const void *p) {
    uint16_t upper;
    memcpy(&upper, p, sizeof upper);
    return vd_bits_to_float((uint32_t)upper << 16);
}

VD_INLINE float vd_load_half(const void *p) {
    uint16_t half;
    memcpy(&half, p, sizeof half);
    return vd_half_to_float(half);
}

#endif

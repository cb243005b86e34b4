// The bit layout of each type's block in a GGUF file. In a block of 32, the low nibbles of 16 bytes
// are elements 0 to 15 and the high nibbles 16 to 31; fifth bits are a word of 32 bits. In a block
// of 64, each byte holds 4 successive elements. In a block of 256, each byte holds the elements i,
// 32 + i, 64 + i ... of its run, and the codes of scales and minima have separate bytes. IQ4_XS has
// eight runs like a block of IQ4_NL, TQ1_0 digits of numbers in base 3; codebooks.c has the other
// IQ types.
//
// Readers of these fields, inlined so that the compiler specializes them where the type is
// constant.
#ifndef VD_TYPES_BLOCK_FIELDS_H
#define VD_TYPES_BLOCK_FIELDS_H

#include <string.h>

#include "types/blocks.h"
#include "types/codebooks.h"

#define VD_ONES UINT64_C(0x0101010101010101)  // a one in each of 8 bytes

// Byte offsets within a block; 0 also for fields that a type does not have.
typedef struct vd_field_offsets {
    int16_t low;   // low bits of the codes
    int16_t high;  // high bits
    int16_t d;
    int16_t dmin;
    int16_t factors;  // codes of scales and minima
} vd_field_offsets;

VD_INLINE vd_field_offsets vd_field_offsets_of(int32_t type) {
    switch (type) {
        case VD_Q4_1:
            return (vd_field_offsets){.low = 4, .dmin = 2};
        case VD_Q5_0:
            return (vd_field_offsets){.low = 6, .high = 2};
        case VD_Q5_1:
            return (vd_field_offsets){.low = 8, .high = 4, .dmin = 2};
        case VD_MXFP4:
            return (vd_field_offsets){.low = 1};
        case VD_Q2_K:
            return (vd_field_offsets){.low = 16, .d = 80, .dmin = 82};
        case VD_Q3_K:
            return (vd_field_offsets){.low = 32, .d = 108, .factors = 96};
        case VD_Q4_K:
            return (vd_field_offsets){.low = 16, .dmin = 2, .factors = 4};
        case VD_Q5_K:
            return (vd_field_offsets){.low = 48, .high = 16, .dmin = 2, .factors = 4};
        case VD_Q6_K:
            return (vd_field_offsets){.high = 128, .d = 208, .factors = 192};
        case VD_IQ4_XS:
            return (vd_field_offsets){.low = 8, .factors = 2};
        case VD_TQ1_0:
            return (vd_field_offsets){.d = 52};
        case VD_TQ2_0:
            return (vd_field_offsets){.d = 64};
        default:  // Q4_0, Q8_0, IQ4_NL; d of the other IQ types except IQ1_M
            return (vd_field_offsets){.low = 2};
    }
}

VD_INLINE uint64_t vd_load_eight(const uint8_t *bytes) {
    uint64_t eight;
    memcpy(&eight, bytes, sizeof eight);
    return eight;
}

VD_INLINE void vd_add_eight(uint64_t eight, uint8_t *codes) {
    eight |= vd_load_eight(codes);
    memcpy(codes, &eight, sizeof eight);
}

// Extracts fields of `bits` bits; a byte holds those of elements `run` apart. Shifts 8 bytes at
// once, since compilers widen each byte that is shifted by a variable.
VD_INLINE void vd_add_fields(const uint8_t *bytes, int bits, int run, int b, int shift,
                             uint8_t codes[VD_BLOCK]) {
    int begin = b * VD_BLOCK;
    int per_byte = 8 / bits;
    int right = begin / run % per_byte * bits;
    uint64_t mask = VD_ONES * ((1u << bits) - 1);
    const uint8_t *from = bytes + begin / (run * per_byte) * run + begin % run;
    for (int i = 0; i < VD_BLOCK; i += 8) {
        vd_add_eight((vd_load_eight(from + i) >> right & mask) << shift, codes + i);
    }
}

// Extracts fields of `bits` bits; a byte holds those of successive elements.
VD_INLINE void vd_add_successive(const uint8_t *bytes, int bits, int b, uint8_t codes[VD_BLOCK]) {
    int per_byte = 8 / bits;
    const uint8_t *from = bytes + b * VD_BLOCK / per_byte;
    for (int i = 0; i < VD_BLOCK; i++) {
        codes[i] |= (uint8_t)(from[i / per_byte] >> i % per_byte * bits & ((1 << bits) - 1));
    }
}

VD_INLINE void vd_add_nibbles(const uint8_t *bytes, uint8_t codes[VD_BLOCK]) {
    for (int i = 0; i < VD_BLOCK / 2; i += 8) {
        uint64_t eight = vd_load_eight(bytes + i);
        vd_add_eight(eight & 15 * VD_ONES, codes + i);
        vd_add_eight(eight >> 4 & 15 * VD_ONES, codes + VD_BLOCK / 2 + i);
    }
}

// Spreads the 8 bits of a byte over 8 bytes.
VD_INLINE uint64_t vd_spread_bits(uint32_t bits) {
    uint64_t own = bits * VD_ONES & 0x8040201008040201;  // byte i has only bit i
    return (own + 0x7f * VD_ONES) >> 7 & VD_ONES;
}

VD_INLINE void vd_add_fifth_bits(const uint8_t *word, uint8_t codes[VD_BLOCK]) {
    for (int i = 0; i < VD_BLOCK; i += 8) {
        vd_add_eight(vd_spread_bits(word[i / 8]) << 4, codes + i);
    }
}

// Returns digit n of a byte of TQ1_0, which is a fraction in 256ths of 5 digits in base 3: digit n
// is the integer part of 3 times the remainder after n digits.
VD_INLINE uint8_t vd_trit(uint8_t byte, int n) {
    static const uint8_t power[5] = {1, 3, 9, 27, 81};
    return (uint8_t)((uint8_t)(byte * power[n]) * 3 >> 8);
}

// Returns the code of element i of TQ1_0: 32 bytes hold the first 160 elements, 16 bytes the next
// 80, and 4 bytes the last 16.
VD_INLINE uint8_t vd_tq1_0_code(const uint8_t *block, int i) {
    return i < 160   ? vd_trit(block[i % 32], i / 32)
           : i < 240 ? vd_trit(block[32 + i % 16], (i - 160) / 16)
                     : vd_trit(block[48 + i % 4], (i - 240) / 4);
}

// Extracts codes of blocks of 64 or 256.
VD_INLINE void vd_add_long(int32_t type, const uint8_t *block, int b, uint8_t codes[VD_BLOCK]) {
    vd_block_layout layout = vd_block_layout_of(type);
    vd_field_offsets at = vd_field_offsets_of(type);
    if (type == VD_IQ4_XS) {
        vd_add_nibbles(block + at.low + b * VD_BLOCK / 2, codes);
    } else if (type == VD_TQ1_0) {
        for (int i = 0; i < VD_BLOCK; i++) {
            codes[i] = vd_tq1_0_code(block, b * VD_BLOCK + i);
        }
    } else if (type == VD_Q2_0) {
        vd_add_successive(block + at.low, layout.low_bits, b, codes);
    } else if (layout.codes == VD_CODES_GRID) {
        vd_codebook_codes(type, block, b, codes);
    } else {
        int run = type == VD_Q6_K ? 2 * VD_BLOCK : VD_BLOCK;
        vd_add_fields(block + at.low, layout.low_bits, run, b, 0, codes);
        if (layout.high_bits > 0) {
            vd_add_fields(block + at.high, layout.high_bits, VD_BLOCK, b, layout.low_bits, codes);
        }
    }
}

// Extracts the codes of elements 32b to 32b+31 of a block, in ascending order.
VD_INLINE void vd_block_codes(int32_t type, const uint8_t *block, int b, uint8_t codes[VD_BLOCK]) {
    vd_block_layout layout = vd_block_layout_of(type);
    vd_field_offsets at = vd_field_offsets_of(type);
    memset(codes, 0, VD_BLOCK);
    if (layout.elements > VD_BLOCK) {
        vd_add_long(type, block, b, codes);
    } else if (layout.low_bits == 8) {
        memcpy(codes, block + at.low, VD_BLOCK);
    } else {
        vd_add_nibbles(block + at.low, codes);
        if (layout.high_bits > 0) {
            vd_add_fifth_bits(block + at.high, codes);
        }
    }
}

VD_INLINE uint16_t vd_load_16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

// Returns the half d. For MXFP4, d is the byte e.
VD_INLINE uint16_t vd_block_d(int32_t type, const uint8_t *block) {
    switch (type) {
        case VD_MXFP4:
            return block[0];
        case VD_IQ1_M:  // four bits above each four scales
            return (uint16_t)(block[49] >> 4 | block[51] >> 4 << 4 | block[53] >> 4 << 8 |
                              block[55] >> 4 << 12);
        default:
            return vd_load_16(block + vd_field_offsets_of(type).d);
    }
}

// Returns the half dmin of a type with minima.
VD_INLINE uint16_t vd_block_dmin(int32_t type, const uint8_t *block) {
    return vd_load_16(block + vd_field_offsets_of(type).dmin);
}

// Extracts codes of Q4_K and Q5_K: 8 scales and 8 minima of 6 bits. The first 4 of each are the low
// 6 bits of a byte; the upper two bits belong to the last 4.
VD_INLINE vd_factor_codes vd_k_factors(const uint8_t *bytes, int j) {
    if (j < 4) {
        return (vd_factor_codes){bytes[j] & 63, bytes[j + 4] & 63};
    }
    return (vd_factor_codes){(uint8_t)((bytes[j + 4] & 15) | bytes[j - 4] >> 6 << 4),
                             (uint8_t)(bytes[j + 4] >> 4 | bytes[j] >> 6 << 4)};
}

// Returns the codes of the scale and minimum of a sub-block.
VD_INLINE vd_factor_codes vd_block_factor_codes(int32_t type, const uint8_t *block, int sub_block) {
    const uint8_t *bytes = block + vd_field_offsets_of(type).factors;
    int j = sub_block;
    switch (type) {
        case VD_Q2_K:
            return (vd_factor_codes){bytes[j] & 15, bytes[j] >> 4};
        case VD_Q3_K: {  // 16 of 6 bits: nibbles of 8 bytes, then pairs of 4 bytes
            int low = bytes[j % 8] >> j / 8 * 4 & 15;
            int high = bytes[8 + j % 4] >> j / 4 * 2 & 3;
            return (vd_factor_codes){(uint8_t)(low | high << 4), 0};
        }
        case VD_Q4_K:
        case VD_Q5_K:
            return vd_k_factors(bytes, j);
        case VD_Q6_K:
            return (vd_factor_codes){bytes[j], 0};
        case VD_IQ4_XS: {  // 8 of 6 bits: pairs of 2 bytes, then nibbles of 4 bytes
            int low = bytes[2 + j / 2] >> j % 2 * 4 & 15;
            int high = bytes[j / 4] >> j % 4 * 2 & 3;
            return (vd_factor_codes){(uint8_t)((low | high << 4) - 32), 0};
        }
        default:
            return (vd_factor_codes){vd_block_layout_of(type).codes == VD_CODES_GRID
                                         ? vd_codebook_scale(type, block, j)
                                         : 0,
                                     0};
    }
}

#endif

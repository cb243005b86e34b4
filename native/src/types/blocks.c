// The bit layout of each type's block in a GGUF file. In a block of 32, the low nibbles of 16 bytes
// are elements 0 to 15 and the high nibbles 16 to 31; fifth bits are a word of 32 bits. In a block
// of 64, each byte holds 4 successive elements. In a block of 256, each byte holds the elements i,
// 32 + i, 64 + i ... of its run, and the codes of scales and minima have separate bytes. IQ4_XS has
// eight runs like a block of IQ4_NL, TQ1_0 digits of numbers in base 3; codebooks.c has the other
// IQ types.
#include "types/blocks.h"

#include <math.h>

#include "types/codebooks.h"

// Byte offsets within a block; 0 also for fields that a type does not have.
typedef struct field_offsets {
    int16_t low;   // low bits of the codes
    int16_t high;  // high bits
    int16_t d;
    int16_t dmin;
    int16_t factors;  // codes of scales and minima
} field_offsets;

static field_offsets field_offsets_of(int32_t type) {
    switch (type) {
        case VD_Q4_1:
            return (field_offsets){.low = 4, .dmin = 2};
        case VD_Q5_0:
            return (field_offsets){.low = 6, .high = 2};
        case VD_Q5_1:
            return (field_offsets){.low = 8, .high = 4, .dmin = 2};
        case VD_MXFP4:
            return (field_offsets){.low = 1};
        case VD_Q2_K:
            return (field_offsets){.low = 16, .d = 80, .dmin = 82};
        case VD_Q3_K:
            return (field_offsets){.low = 32, .d = 108, .factors = 96};
        case VD_Q4_K:
            return (field_offsets){.low = 16, .dmin = 2, .factors = 4};
        case VD_Q5_K:
            return (field_offsets){.low = 48, .high = 16, .dmin = 2, .factors = 4};
        case VD_Q6_K:
            return (field_offsets){.high = 128, .d = 208, .factors = 192};
        case VD_IQ4_XS:
            return (field_offsets){.low = 8, .factors = 2};
        case VD_TQ1_0:
            return (field_offsets){.d = 52};
        case VD_TQ2_0:
            return (field_offsets){.d = 64};
        default:  // Q4_0, Q8_0, IQ4_NL; d of the other IQ types except IQ1_M
            return (field_offsets){.low = 2};
    }
}

// Extracts fields of `bits` bits; a byte holds those of elements `run` apart.
static void add_fields(const uint8_t *bytes, int bits, int run, int b, int shift,
                       uint8_t codes[VD_BLOCK]) {
    int begin = b * VD_BLOCK;
    int per_byte = 8 / bits;
    int right = begin / run % per_byte * bits;
    int mask = (1 << bits) - 1;
    const uint8_t *from = bytes + begin / (run * per_byte) * run + begin % run;
    for (int i = 0; i < VD_BLOCK; i++) {
        codes[i] |= (uint8_t)((from[i] >> right & mask) << shift);
    }
}

// Extracts fields of `bits` bits; a byte holds those of successive elements.
static void add_successive(const uint8_t *bytes, int bits, int b, uint8_t codes[VD_BLOCK]) {
    int per_byte = 8 / bits;
    const uint8_t *from = bytes + b * VD_BLOCK / per_byte;
    for (int i = 0; i < VD_BLOCK; i++) {
        codes[i] |= from[i / per_byte] >> i % per_byte * bits & ((1 << bits) - 1);
    }
}

static void add_nibbles(const uint8_t *bytes, uint8_t codes[VD_BLOCK]) {
    for (int i = 0; i < VD_BLOCK / 2; i++) {
        codes[i] |= bytes[i] & 15;
        codes[i + VD_BLOCK / 2] |= bytes[i] >> 4;
    }
}

static void add_fifth_bits(const uint8_t *word, uint8_t codes[VD_BLOCK]) {
    for (int i = 0; i < VD_BLOCK; i++) {
        codes[i] |= (uint8_t)((word[i / 8] >> i % 8 & 1) << 4);
    }
}

// Returns digit n of a byte of TQ1_0, which is a fraction in 256ths of 5 digits in base 3: digit n
// is the integer part of 3 times the remainder after n digits.
static uint8_t trit(uint8_t byte, int n) {
    static const uint8_t power[5] = {1, 3, 9, 27, 81};
    return (uint8_t)((uint8_t)(byte * power[n]) * 3 >> 8);
}

// Returns the code of element i of TQ1_0: 32 bytes hold the first 160 elements, 16 bytes the next
// 80, and 4 bytes the last 16.
static uint8_t tq1_0_code(const uint8_t *block, int i) {
    return i < 160   ? trit(block[i % 32], i / 32)
           : i < 240 ? trit(block[32 + i % 16], (i - 160) / 16)
                     : trit(block[48 + i % 4], (i - 240) / 4);
}

// Extracts codes of blocks of 64 or 256.
static void add_long(int32_t type, const uint8_t *block, int b, uint8_t codes[VD_BLOCK]) {
    vd_block_layout layout = vd_block_layout_of(type);
    field_offsets at = field_offsets_of(type);
    if (type == VD_IQ4_XS) {
        add_nibbles(block + at.low + b * VD_BLOCK / 2, codes);
    } else if (type == VD_TQ1_0) {
        for (int i = 0; i < VD_BLOCK; i++) {
            codes[i] = tq1_0_code(block, b * VD_BLOCK + i);
        }
    } else if (type == VD_Q2_0) {
        add_successive(block + at.low, layout.low_bits, b, codes);
    } else if (layout.codes == VD_CODES_GRID) {
        vd_codebook_codes(type, block, b, codes);
    } else {
        int run = type == VD_Q6_K ? 2 * VD_BLOCK : VD_BLOCK;
        add_fields(block + at.low, layout.low_bits, run, b, 0, codes);
        if (layout.high_bits > 0) {
            add_fields(block + at.high, layout.high_bits, VD_BLOCK, b, layout.low_bits, codes);
        }
    }
}

void vd_block_codes(int32_t type, const uint8_t *block, int b, uint8_t codes[VD_BLOCK]) {
    vd_block_layout layout = vd_block_layout_of(type);
    field_offsets at = field_offsets_of(type);
    memset(codes, 0, VD_BLOCK);
    if (layout.elements > VD_BLOCK) {
        add_long(type, block, b, codes);
    } else if (layout.low_bits == 8) {
        memcpy(codes, block + at.low, VD_BLOCK);
    } else {
        add_nibbles(block + at.low, codes);
        if (layout.high_bits > 0) {
            add_fifth_bits(block + at.high, codes);
        }
    }
}

static void put_fields(uint8_t *bytes, int bits, int run, int b, int shift,
                       const uint8_t codes[VD_BLOCK]) {
    int begin = b * VD_BLOCK;
    int per_byte = 8 / bits;
    int left = begin / run % per_byte * bits;
    int mask = (1 << bits) - 1;
    uint8_t *to = bytes + begin / (run * per_byte) * run + begin % run;
    for (int i = 0; i < VD_BLOCK; i++) {
        to[i] |= (uint8_t)((codes[i] >> shift & mask) << left);
    }
}

static void put_nibbles(uint8_t *bytes, const uint8_t codes[VD_BLOCK]) {
    for (int i = 0; i < VD_BLOCK / 2; i++) {
        bytes[i] |= (uint8_t)((codes[i] & 15) | codes[i + VD_BLOCK / 2] << 4);
    }
}

void vd_block_put_codes(int32_t type, uint8_t *block, int b, const uint8_t codes[VD_BLOCK]) {
    vd_block_layout layout = vd_block_layout_of(type);
    field_offsets at = field_offsets_of(type);
    if (type == VD_IQ4_XS) {
        put_nibbles(block + at.low + b * VD_BLOCK / 2, codes);
    } else if (layout.elements > VD_BLOCK) {
        int run = type == VD_Q6_K ? 2 * VD_BLOCK : VD_BLOCK;
        put_fields(block + at.low, layout.low_bits, run, b, 0, codes);
        if (layout.high_bits > 0) {
            put_fields(block + at.high, layout.high_bits, VD_BLOCK, b, layout.low_bits, codes);
        }
    } else if (layout.low_bits == 8) {
        memcpy(block + at.low, codes, VD_BLOCK);
    } else {
        put_nibbles(block + at.low, codes);
        for (int i = 0; i < VD_BLOCK && layout.high_bits > 0; i++) {
            block[at.high + i / 8] |= (uint8_t)(codes[i] >> 4 << i % 8);
        }
    }
}

int32_t vd_code_weight(int32_t type, uint8_t code) {
    static const int8_t iq4[16] = VD_IQ4_WEIGHTS;
    static const int8_t mxfp4[16] = VD_MXFP4_WEIGHTS(0);
    static const int8_t iq3_s[16] = VD_IQ3_S_WEIGHTS(0);
    static const int8_t iq3_xxs[16] = VD_IQ3_XXS_WEIGHTS(0);
    static const int8_t iq2[8] = VD_IQ2_WEIGHTS(0);
    static const int8_t iq1[8] = VD_IQ1_WEIGHTS(0);
    switch (type) {
        case VD_Q8_0:
            return (int8_t)code;
        case VD_IQ4_NL:
        case VD_IQ4_XS:
            return iq4[code];
        case VD_MXFP4:
            return mxfp4[code];
        case VD_IQ3_S:
            return iq3_s[code];
        case VD_IQ3_XXS:
            return iq3_xxs[code];
        case VD_IQ2_S:
        case VD_IQ2_XS:
        case VD_IQ2_XXS:
            return iq2[code];
        case VD_IQ1_M:
        case VD_IQ1_S:
            return iq1[code];
        default:
            return code - vd_block_layout_of(type).code_offset;
    }
}

static uint16_t load_16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

uint16_t vd_block_d(int32_t type, const uint8_t *block) {
    switch (type) {
        case VD_MXFP4:
            return block[0];
        case VD_IQ1_M:  // four bits above each four scales
            return (uint16_t)(block[49] >> 4 | block[51] >> 4 << 4 | block[53] >> 4 << 8 |
                              block[55] >> 4 << 12);
        default:
            return load_16(block + field_offsets_of(type).d);
    }
}

uint16_t vd_block_dmin(int32_t type, const uint8_t *block) {
    return load_16(block + field_offsets_of(type).dmin);
}

// Extracts codes of Q4_K and Q5_K: 8 scales and 8 minima of 6 bits. The first 4 of each are the low
// 6 bits of a byte, whose upper two bits belong to the last 4.
static vd_factor_codes k_factors(const uint8_t *bytes, int j) {
    if (j < 4) {
        return (vd_factor_codes){bytes[j] & 63, bytes[j + 4] & 63};
    }
    return (vd_factor_codes){(uint8_t)((bytes[j + 4] & 15) | bytes[j - 4] >> 6 << 4),
                             (uint8_t)(bytes[j + 4] >> 4 | bytes[j] >> 6 << 4)};
}

vd_factor_codes vd_block_factor_codes(int32_t type, const uint8_t *block, int sub_block) {
    const uint8_t *bytes = block + field_offsets_of(type).factors;
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
            return k_factors(bytes, j);
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

void vd_block_put_d(int32_t type, uint8_t *block, uint16_t half) {
    memcpy(block + field_offsets_of(type).d, &half, sizeof half);
}

void vd_block_put_dmin(int32_t type, uint8_t *block, uint16_t half) {
    memcpy(block + field_offsets_of(type).dmin, &half, sizeof half);
}

static void put_k_factors(uint8_t *bytes, int j, vd_factor_codes codes) {
    if (j < 4) {
        bytes[j] |= codes.scale;
        bytes[j + 4] |= codes.minimum;
    } else {
        bytes[j + 4] |= (uint8_t)((codes.scale & 15) | codes.minimum << 4);
        bytes[j - 4] |= (uint8_t)(codes.scale >> 4 << 6);
        bytes[j] |= (uint8_t)(codes.minimum >> 4 << 6);
    }
}

void vd_block_put_factor_codes(int32_t type, uint8_t *block, int sub_block, vd_factor_codes codes) {
    uint8_t *bytes = block + field_offsets_of(type).factors;
    int j = sub_block;
    switch (type) {
        case VD_Q2_K:
            bytes[j] = (uint8_t)(codes.scale | codes.minimum << 4);
            break;
        case VD_Q3_K:
            bytes[j % 8] |= (uint8_t)((codes.scale & 15) << j / 8 * 4);
            bytes[8 + j % 4] |= (uint8_t)(codes.scale >> 4 << j / 4 * 2);
            break;
        case VD_Q6_K:
            bytes[j] = codes.scale;
            break;
        case VD_IQ4_XS: {
            int code = (int8_t)codes.scale + 32;
            bytes[2 + j / 2] |= (uint8_t)((code & 15) << j % 2 * 4);
            bytes[j / 4] |= (uint8_t)(code >> 4 << j % 4 * 2);
            break;
        }
        default:  // Q4_K, Q5_K
            put_k_factors(bytes, j, codes);
            break;
    }
}

float vd_scale_of(int32_t type, uint16_t d, vd_factor_codes codes) {
    vd_block_layout layout = vd_block_layout_of(type);
    switch (layout.scales) {
        case VD_SCALE_BYTES:
            return vd_half_to_float(d) * (float)(int8_t)codes.scale * layout.scale_unit;
        case VD_SCALE_EXPONENT:
            return d == 255 ? vd_bits_to_float(0x7fc00000) : ldexpf(1.0f, d - 128);
        case VD_SCALE_FOUR_BIT:
        case VD_SCALE_SIX_BIT:
            return vd_half_to_float(d) * (float)(type == VD_Q3_K ? codes.scale - 32 : codes.scale);
        default:
            return vd_half_to_float(d);
    }
}

float vd_minimum_of(int32_t type, uint16_t dmin, vd_factor_codes codes) {
    return vd_block_layout_of(type).elements > VD_BLOCK
               ? -(vd_half_to_float(dmin) * (float)codes.minimum)
               : vd_half_to_float(dmin);
}

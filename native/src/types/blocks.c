// Writers of the fields of a block, and the values of codes.
#include "types/blocks.h"

#include <math.h>

#include "types/block_fields.h"

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
    vd_field_offsets at = vd_field_offsets_of(type);
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

void vd_block_put_d(int32_t type, uint8_t *block, uint16_t half) {
    memcpy(block + vd_field_offsets_of(type).d, &half, sizeof half);
}

void vd_block_put_dmin(int32_t type, uint8_t *block, uint16_t half) {
    memcpy(block + vd_field_offsets_of(type).dmin, &half, sizeof half);
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
    uint8_t *bytes = block + vd_field_offsets_of(type).factors;
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

// In all these types 8 elements form a grid point of 8 digits, or two points of 4 digits, and 8
// signs; IQ1 has one sign for the 8. Where 8 signs have 7 bits, the number of minus signs is even.
#include "types/codebooks.h"

#include "types/block_fields.h"

#define VD_GRID(name, points, ...) static const uint16_t name##_grid[points] = {__VA_ARGS__};
#include "types/grids.inc"
#undef VD_GRID

static uint32_t load_32(const uint8_t *p) {
    return vd_load_16(p) | (uint32_t)vd_load_16(p + 2) << 16;
}

// Expands four elements: digits of 3 bits, signs above them.
static void put_four(uint32_t point, uint32_t signs, uint8_t *codes) {
    point = (point | point << 10) & 0x003f003f;
    point = (point | point << 5) & 0x07070707;
    uint32_t four = point | (uint32_t)vd_spread_bits(signs & 15) << 3;
    memcpy(codes, &four, sizeof four);
}

// Expands eight elements: digits of 2 bits, signs above them.
static void put_eight(uint32_t point, uint32_t signs, uint8_t *codes) {
    uint64_t digits = (point | (uint64_t)point << 24) & 0x000000ff000000ff;
    digits = (digits | digits << 12) & 0x000f000f000f000f;
    digits = (digits | digits << 6) & 0x0303030303030303;
    uint64_t eight = digits | vd_spread_bits(signs & 255) << 2;
    memcpy(codes, &eight, sizeof eight);
}

// Returns the 8 signs of 7 bits.
static uint32_t even_signs(uint32_t seven) {
    uint32_t parity = seven ^ seven >> 4;
    parity ^= parity >> 2;
    return seven | ((parity ^ parity >> 1) & 1) << 7;
}

// Each of these expands eight elements, from element 8g on.
static void iq3_xxs(const uint8_t *block, int g, uint8_t *codes) {
    const uint8_t *numbers = block + 2 + 2 * g;
    uint32_t signs = even_signs(load_32(block + 66 + g / 4 * 4) >> 7 * (g % 4) & 127);
    put_four(iq3_xxs_grid[numbers[0]], signs, codes);
    put_four(iq3_xxs_grid[numbers[1]], signs >> 4, codes + 4);
}

static void iq3_s(const uint8_t *block, int g, uint8_t *codes) {
    const uint8_t *numbers = block + 2 + 2 * g;
    uint32_t ninth_bits = block[66 + g / 4] >> 2 * (g % 4);
    uint32_t signs = block[74 + g];
    put_four(iq3_s_grid[numbers[0] | (ninth_bits & 1) << 8], signs, codes);
    put_four(iq3_s_grid[numbers[1] | (ninth_bits & 2) << 7], signs >> 4, codes + 4);
}

static void iq2_xxs(const uint8_t *block, int g, uint8_t *codes) {
    const uint8_t *run = block + 2 + g / 4 * 8;
    uint32_t signs = even_signs(load_32(run + 4) >> 7 * (g % 4) & 127);
    put_eight(iq2_xxs_grid[run[g % 4]], signs, codes);
}

static void iq2_xs(const uint8_t *block, int g, uint8_t *codes) {
    uint32_t word = vd_load_16(block + 2 + 2 * g);
    put_eight(iq2_xs_grid[word & 511], even_signs(word >> 9), codes);
}

static void iq2_s(const uint8_t *block, int g, uint8_t *codes) {
    uint32_t high = block[66 + g / 4] >> 2 * (g % 4) & 3;
    put_eight(iq2_s_grid[block[2 + g] | high << 8], block[34 + g], codes);
}

static void iq1_s(const uint8_t *block, int g, uint8_t *codes) {
    uint32_t word = vd_load_16(block + 34 + g / 4 * 2);
    uint32_t high = word >> 3 * (g % 4) & 7;
    put_eight(iq1_grid[block[2 + g] | high << 8], word >> 15 ? 255 : 0, codes);
}

static void iq1_m(const uint8_t *block, int g, uint8_t *codes) {
    uint32_t nibble = block[32 + g / 2] >> 4 * (g % 2) & 15;
    put_eight(iq1_grid[block[g] | (nibble & 7) << 8], nibble >> 3 ? 255 : 0, codes);
}

static void eight(int32_t type, const uint8_t *block, int g, uint8_t *codes) {
    switch (type) {
        case VD_IQ3_XXS:
            iq3_xxs(block, g, codes);
            break;
        case VD_IQ3_S:
            iq3_s(block, g, codes);
            break;
        case VD_IQ2_XXS:
            iq2_xxs(block, g, codes);
            break;
        case VD_IQ2_XS:
            iq2_xs(block, g, codes);
            break;
        case VD_IQ2_S:
            iq2_s(block, g, codes);
            break;
        case VD_IQ1_S:
            iq1_s(block, g, codes);
            break;
        default:  // IQ1_M
            iq1_m(block, g, codes);
            break;
    }
}

void vd_codebook_codes(int32_t type, const uint8_t *block, int b, uint8_t codes[VD_BLOCK]) {
    for (int l = 0; l < VD_BLOCK / 8; l++) {
        eight(type, block, b * (VD_BLOCK / 8) + l, codes + 8 * l);
    }
}

static int nibble_of(const uint8_t *bytes, int j) { return bytes[j / 2] >> j % 2 * 4 & 15; }

// Returns the code of 4 bits, or of 3 bits in IQ1.
static int scale_code(int32_t type, const uint8_t *block, int j) {
    switch (type) {
        case VD_IQ3_XXS:
            return block[66 + 4 * j + 3] >> 4;
        case VD_IQ3_S:
            return nibble_of(block + 106, j);
        case VD_IQ2_XXS:
            return block[2 + 8 * j + 7] >> 4;
        case VD_IQ2_XS:
            return nibble_of(block + 66, j);
        case VD_IQ2_S:
            return nibble_of(block + 74, j);
        case VD_IQ1_S:
            return block[34 + 2 * j + 1] >> 4 & 7;
        default:  // IQ1_M: four in each 16 bits, below 4 bits of d
            return vd_load_16(block + 48 + j / 4 * 2) >> 3 * (j % 4) & 7;
    }
}

uint8_t vd_codebook_scale(int32_t type, const uint8_t *block, int sub_block) {
    return (uint8_t)(2 * scale_code(type, block, sub_block) + 1);
}

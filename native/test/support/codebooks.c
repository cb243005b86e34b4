// The grids are those of the library. RowBlockTest in Java compares every point with an independent
// implementation.
#include "support/codebooks.h"

#define VD_GRID(name, points, ...) static const uint16_t name##_grid[points] = {__VA_ARGS__};
#include "types/grids.inc"

int is_codebook(vd_type type) {
    return type == VD_IQ3_S || type == VD_IQ3_XXS || type == VD_IQ2_S || type == VD_IQ2_XS ||
           type == VD_IQ2_XXS || type == VD_IQ1_M || type == VD_IQ1_S;
}

static int is_iq3(vd_type type) { return type == VD_IQ3_S || type == VD_IQ3_XXS; }

// Returns `count` bits starting at bit `at`, lowest first.
static uint32_t bits(const uint8_t *bytes, int at, int count) {
    uint32_t value = 0;
    for (int i = 0; i < count; i++) {
        value |= (uint32_t)(bytes[(at + i) / 8] >> (at + i) % 8 & 1) << i;
    }
    return value;
}

// Returns the grid point that contains element k.
static uint16_t point(vd_type type, const uint8_t *block, int k) {
    int eight = k / 8, four = k / 4, run = k / 32;
    switch (type) {
        case VD_IQ3_S:
            return iq3_s_grid[block[2 + four] | bits(block + 66, four, 1) << 8];
        case VD_IQ3_XXS:
            return iq3_xxs_grid[block[2 + four]];
        case VD_IQ2_S:
            return iq2_s_grid[block[2 + eight] | bits(block + 66, 2 * eight, 2) << 8];
        case VD_IQ2_XS:
            return iq2_xs_grid[bits(block + 2, 16 * eight, 9)];
        case VD_IQ2_XXS:
            return iq2_xxs_grid[block[2 + 8 * run + eight % 4]];
        case VD_IQ1_M:
            return iq1_grid[block[eight] | bits(block + 32, 4 * eight, 3) << 8];
        default:
            return iq1_grid[block[2 + eight] | bits(block + 34 + 2 * run, eight % 4 * 3, 3) << 8];
    }
}

// Returns the sign of element `of_eight` of eight. Seven signs are stored, starting at bit `at`;
// the eighth makes the number of negative ones even.
static int even_sign(const uint8_t *bytes, int at, int of_eight) {
    int sign = 0;
    for (int i = 0; i < 7; i++) {
        if (of_eight == 7 || i == of_eight) {
            sign ^= (int)bits(bytes, at + i, 1);
        }
    }
    return sign;
}

static int sign(vd_type type, const uint8_t *block, int k) {
    int eight = k / 8, run = k / 32;
    switch (type) {
        case VD_IQ3_S:
            return (int)bits(block + 74, k, 1);
        case VD_IQ3_XXS:
            return even_sign(block + 66 + 4 * run, eight % 4 * 7, k % 8);
        case VD_IQ2_S:
            return (int)bits(block + 34, k, 1);
        case VD_IQ2_XS:
            return even_sign(block + 2, 16 * eight + 9, k % 8);
        case VD_IQ2_XXS:
            return even_sign(block + 2 + 8 * run + 4, eight % 4 * 7, k % 8);
        case VD_IQ1_M:
            return (int)bits(block + 32, 4 * eight + 3, 1);
        default:
            return block[34 + 2 * run + 1] >> 7;
    }
}

uint8_t codebook_code(vd_type type, const uint8_t *block, int k) {
    int p = point(type, block, k), s = sign(type, block, k);
    return (uint8_t)(is_iq3(type) ? (p >> k % 4 * 3 & 7) + 8 * s : (p >> k % 8 * 2 & 3) + 4 * s);
}

int32_t codebook_quant(vd_type type, uint8_t code) {
    static const int iq3_xxs[] = {2, 6, 10, 14, 18, 22, 26, 31}, iq2[] = {8, 25, 43};
    if (is_iq3(type)) {
        int digit = code % 8, magnitude = type == VD_IQ3_S ? 2 * digit + 1 : iq3_xxs[digit];
        return code < 8 ? magnitude : -magnitude;
    }
    int digit = code % 4;
    if (type == VD_IQ1_S || type == VD_IQ1_M) {
        return 8 * (digit - 1) + (code < 4 ? 1 : -1);
    }
    return code < 4 ? iq2[digit] : -iq2[digit];
}

uint16_t codebook_d(vd_type type, const uint8_t *block) {
    if (type != VD_IQ1_M) {
        return (uint16_t)bits(block, 0, 16);
    }
    uint32_t d = 0;
    for (int i = 0; i < 4; i++) {
        d |= bits(block + 48, 16 * i + 12, 4) << 4 * i;
    }
    return (uint16_t)d;
}

void codebook_put_d(vd_type type, uint8_t *block, uint16_t d) {
    if (type != VD_IQ1_M) {
        block[0] = (uint8_t)d;
        block[1] = (uint8_t)(d >> 8);
        return;
    }
    for (int i = 0; i < 4; i++) {
        uint8_t *upper = block + 49 + 2 * i;
        *upper = (uint8_t)((*upper & 15) | (d >> 4 * i & 15) << 4);
    }
}

uint8_t codebook_scale_code(vd_type type, const uint8_t *block, int k) {
    int run = k / 32, sub_block = k / 16;
    uint32_t code;
    switch (type) {
        case VD_IQ3_S:
            code = bits(block + 106, 4 * run, 4);
            break;
        case VD_IQ3_XXS:
            code = bits(block + 66, 32 * run + 28, 4);
            break;
        case VD_IQ2_S:
            code = bits(block + 74, 4 * sub_block, 4);
            break;
        case VD_IQ2_XS:
            code = bits(block + 66, 4 * sub_block, 4);
            break;
        case VD_IQ2_XXS:
            code = bits(block + 2, 64 * run + 60, 4);
            break;
        case VD_IQ1_M:
            code = bits(block + 48, sub_block / 4 * 16 + sub_block % 4 * 3, 3);
            break;
        default:
            code = bits(block + 34, 16 * run + 12, 3);
            break;
    }
    return (uint8_t)(2 * code + 1);
}

double codebook_unit(vd_type type) {
    return type == VD_IQ3_S ? 1 : type == VD_IQ3_XXS ? 0.5 : 0.125;
}

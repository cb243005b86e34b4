// Access to one row of a packed matrix, in the layout that vidrio.h draws at vd_pack.
#ifndef VD_TYPES_PACKED_ROW_H
#define VD_TYPES_PACKED_ROW_H

#include "types/blocks.h"

typedef struct packed_row {
    const uint8_t *quants;   // of its group
    const uint8_t *factors;  // of its group
    int32_t type;
    int32_t r;  // row in the group
} packed_row;

// Returns row n of a matrix with K columns.
static inline packed_row packed_row_of(const void *weights, int32_t type, int64_t K, int64_t n) {
    const uint8_t *group =
        (const uint8_t *)weights + n / VD_PACK_ROWS * vd_packed_group_bytes(type, K);
    return (packed_row){.quants = group,
                        .factors = group + vd_packed_factors(type, K),
                        .type = type,
                        .r = (int32_t)(n % VD_PACK_ROWS)};
}

// Extracts the bits of column k (0 to 31) from a plane of `bits` bits.
static inline int packed_field(const packed_row *row, const uint8_t *plane, int bits, int k) {
    int quad = k / 4;
    uint8_t byte = plane[quad % bits * VD_UNIT_BYTES + row->r * 4 + k % 4];
    return byte >> quad / bits * bits & ((1 << bits) - 1);
}

// Extracts the integer weights of columns [k, k + n), within one run of 32.
static inline void packed_weights(const packed_row *row, int64_t k, int n, int32_t *weights) {
    vd_block_layout layout = vd_block_layout_of(row->type);
    const uint8_t *low = row->quants + k / VD_BLOCK * VD_UNIT_BYTES * vd_code_bits(row->type);
    const uint8_t *high = low + VD_UNIT_BYTES * layout.low_bits;
    for (int i = 0; i < n; i++) {
        int column = (int)(k % VD_BLOCK) + i;
        int code = packed_field(row, low, layout.low_bits, column);
        if (layout.high_bits > 0) {
            code |= packed_field(row, high, layout.high_bits, column) << layout.low_bits;
        }
        weights[i] = vd_code_weight(row->type, (uint8_t)code);
    }
}

// Returns the factors of the block of column k.
static inline const uint8_t *packed_factors(const packed_row *row, int64_t k) {
    vd_block_layout layout = vd_block_layout_of(row->type);
    return row->factors + k / layout.elements * VD_PACK_ROWS * layout.factor_bytes;
}

// Extracts number c of the 16 codes of 6 bits in three words of the row.
static inline uint8_t packed_six_bits(const packed_row *row, const uint8_t *words, int c) {
    uint32_t low, high;
    memcpy(&low, words + c / 8 * VD_UNIT_BYTES + row->r * 4, sizeof low);
    memcpy(&high, words + 2 * VD_UNIT_BYTES + row->r * 4, sizeof high);
    return (uint8_t)((low >> 4 * (c % 8) & 15) | (high >> 2 * c & 3) << 4);
}

static inline vd_factor_codes packed_factor_codes(const packed_row *row, int64_t k) {
    vd_block_layout layout = vd_block_layout_of(row->type);
    const uint8_t *codes = packed_factors(row, k) + vd_packed_codes(row->type);
    int j = (int)(k % layout.elements / layout.sub_block);
    switch (layout.scales) {
        case VD_SCALE_FOUR_BIT: {
            uint8_t byte = codes[j * VD_PACK_ROWS + row->r];
            return (vd_factor_codes){byte & 15, byte >> 4};
        }
        case VD_SCALE_SIX_BIT:
            return (vd_factor_codes){packed_six_bits(row, codes, j),
                                     layout.minima ? packed_six_bits(row, codes, 8 + j) : 0};
        case VD_SCALE_BYTES:
            return (vd_factor_codes){codes[j * VD_PACK_ROWS + row->r], 0};
        default:
            return (vd_factor_codes){0, 0};
    }
}

// Loads half i of the block of column k.
static inline uint16_t packed_half(const packed_row *row, int64_t k, int i) {
    uint16_t half;
    memcpy(&half, packed_factors(row, k) + 2 * (i * VD_PACK_ROWS + row->r), sizeof half);
    return half;
}

// Returns the scale, or minimum, of the sub-block of column k.
static inline float packed_scale(const packed_row *row, int64_t k) {
    uint16_t d = vd_block_layout_of(row->type).scales == VD_SCALE_EXPONENT
                     ? packed_factors(row, k)[row->r]
                     : packed_half(row, k, 0);
    return vd_scale_of(row->type, d, packed_factor_codes(row, k));
}

static inline float packed_minimum(const packed_row *row, int64_t k) {
    return vd_minimum_of(row->type, packed_half(row, k, 1), packed_factor_codes(row, k));
}

#endif

// The packed layout of quantized weights; it stands at vd_packed_bytes.
#include <string.h>

#include "core/blocks.h"

static int packable(vd_type type, int64_t N, int64_t K) {
    return N > 0 && K > 0 && N <= INT32_MAX && K <= INT32_MAX && vd_is_quantized(type) &&
           vd_row_bytes(type, K) > 0;
}

vd_status vd_packed_bytes(vd_type type, int64_t N, int64_t K, int64_t *bytes) {
    if (bytes == NULL) {
        return VD_INVALID_ARGUMENT;
    }
    *bytes = 0;
    if (!vd_is_quantized(type)) {
        return VD_UNSUPPORTED;
    }
    if (!packable(type, N, K)) {
        return VD_INVALID_ARGUMENT;
    }
    int64_t groups = (N + VD_PACK_ROWS - 1) / VD_PACK_ROWS;
    *bytes = groups * vd_packed_group_bytes(type, K);
    return VD_OK;
}

// Row r of a plane of `bits` bits, of the codes' bits from `shift` on.
static void pack_plane(const uint8_t codes[VD_BLOCK], int shift, int bits, uint8_t *plane, int r) {
    int unit_codes = 4 * bits;  // from one field of a byte to the next
    uint8_t bytes[VD_BLOCK] = {0};
    int mask = (1 << bits) - 1;
    for (int field = 0; field < 8 / bits; field++) {
        for (int i = 0; i < unit_codes; i++) {
            bytes[i] |= (uint8_t)((codes[field * unit_codes + i] >> shift & mask) << field * bits);
        }
    }
    for (int unit = 0; unit < bits; unit++) {
        memcpy(plane + unit * VD_UNIT_BYTES + r * 4, bytes + unit * 4, 4);
    }
}

// 16 codes of 6 bits of row r: nibbles in two words, pairs in a third.
static void pack_six_bits(const uint8_t codes[16], uint8_t *words, int r) {
    uint32_t word[3] = {0};
    for (int c = 0; c < 16; c++) {
        word[c / 8] |= (uint32_t)(codes[c] & 15) << 4 * (c % 8);
        word[2] |= (uint32_t)(codes[c] >> 4) << 2 * c;
    }
    for (int w = 0; w < 3; w++) {
        memcpy(words + w * VD_UNIT_BYTES + r * 4, &word[w], 4);
    }
}

// Codes of scales and minima of row r.
static void pack_factor_codes(int32_t type, const uint8_t *block, uint8_t *packed, int r) {
    vd_block_layout layout = vd_block_layout_of(type);
    int sub_blocks = layout.elements / layout.sub_block;
    uint8_t codes[16] = {0};
    for (int j = 0; j < sub_blocks; j++) {
        vd_factor_codes factor = vd_block_factor_codes(type, block, j);
        codes[j] = factor.scale;
        if (type == VD_Q2_K) {
            codes[j] |= (uint8_t)(factor.minimum << 4);
        } else if (layout.minima) {
            codes[sub_blocks + j] = factor.minimum;
        }
    }
    if (type == VD_Q2_K || type == VD_Q6_K) {
        for (int j = 0; j < sub_blocks; j++) {
            packed[j * VD_PACK_ROWS + r] = codes[j];
        }
    } else {
        pack_six_bits(codes, packed, r);
    }
}

static void pack_factors(int32_t type, const uint8_t *block, uint8_t *packed, int r) {
    vd_block_layout layout = vd_block_layout_of(type);
    if (type == VD_MXFP4) {
        packed[r] = *vd_block_d(type, block);
        return;
    }
    memcpy(packed + 2 * r, vd_block_d(type, block), 2);
    if (layout.minima) {
        memcpy(packed + 2 * VD_PACK_ROWS + 2 * r, vd_block_dmin(type, block), 2);
    }
    if (layout.elements > VD_BLOCK) {
        pack_factor_codes(type, block, packed + vd_packed_codes(type), r);
    }
}

static void pack_row(int32_t type, int64_t K, const uint8_t *source, uint8_t *quants,
                     uint8_t *factors, int r) {
    vd_block_layout layout = vd_block_layout_of(type);
    int64_t block_bytes = vd_row_bytes(type, layout.elements);
    for (int64_t k = 0; k < K; k += layout.elements) {
        for (int b = 0; b < layout.elements / VD_BLOCK; b++) {
            uint8_t codes[VD_BLOCK];
            vd_block_codes(type, source, b, codes);
            pack_plane(codes, 0, layout.low_bits, quants, r);
            if (layout.high_bits > 0) {
                pack_plane(codes, layout.low_bits, layout.high_bits,
                           quants + VD_UNIT_BYTES * layout.low_bits, r);
            }
            quants += VD_UNIT_BYTES * vd_code_bits(type);
        }
        pack_factors(type, source, factors, r);
        source += block_bytes;
        factors += VD_PACK_ROWS * layout.factor_bytes;
    }
}

vd_status vd_pack(vd_type type, int64_t N, int64_t K, const void *source, void *packed,
                  int64_t group_begin, int64_t group_end) {
    if (source == NULL || packed == NULL || !packable(type, N, K) || group_begin < 0 ||
        group_begin > group_end || group_end > (N + VD_PACK_ROWS - 1) / VD_PACK_ROWS) {
        return VD_INVALID_ARGUMENT;
    }
    int64_t row_bytes = vd_row_bytes(type, K);
    int64_t group_bytes = vd_packed_group_bytes(type, K);
    for (int64_t g = group_begin; g < group_end; g++) {
        uint8_t *group = (uint8_t *)packed + g * group_bytes;
        int64_t rows = N - g * VD_PACK_ROWS;
        rows = rows < VD_PACK_ROWS ? rows : VD_PACK_ROWS;
        if (rows < VD_PACK_ROWS) {
            memset(group, 0, (size_t)group_bytes);
        }
        for (int r = 0; r < rows; r++) {
            const uint8_t *row = (const uint8_t *)source + (g * VD_PACK_ROWS + r) * row_bytes;
            pack_row(type, K, row, group, group + vd_packed_factors(type, K), r);
        }
    }
    return VD_OK;
}

// The packed layout of quantized weights; it stands at vd_packed_bytes.
#include <string.h>

#include "core/types.h"

static int packable(vd_type type, int64_t N, int64_t K) {
    return N > 0 && K > 0 && N <= INT32_MAX && K <= INT32_MAX && K % VD_BLOCK == 0 &&
           vd_is_quantized(type);
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

// Row r of a group: its quants to every 16th unit of 4 bytes, its factors to every 16th half.
static void pack_row(vd_block_layout layout, int64_t blocks, const uint8_t *source, uint8_t *quants,
                     uint8_t *factors, int r) {
    for (int64_t b = 0; b < blocks; b++) {
        int halves = layout.factor_bytes / 2;
        for (int h = 0; h < halves; h++) {
            memcpy(factors + ((b * halves + h) * VD_PACK_ROWS + r) * 2, source, 2);
            source += 2;
        }
        for (int unit = 0; unit < layout.low_bits; unit++) {
            memcpy(quants + (unit * VD_PACK_ROWS + r) * 4, source, 4);
            source += 4;
        }
        quants += VD_UNIT_BYTES * layout.low_bits;
    }
}

vd_status vd_pack(vd_type type, int64_t N, int64_t K, const void *source, void *packed,
                  int64_t group_begin, int64_t group_end) {
    if (source == NULL || packed == NULL || !packable(type, N, K) || group_begin < 0 ||
        group_begin > group_end || group_end > (N + VD_PACK_ROWS - 1) / VD_PACK_ROWS) {
        return VD_INVALID_ARGUMENT;
    }
    vd_block_layout layout = vd_block_layout_of(type);
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
            pack_row(layout, K / VD_BLOCK, row, group, group + vd_packed_factors(type, K), r);
        }
    }
    return VD_OK;
}

// Packing of quantized weights; vidrio.h draws the layout at vd_packed_bytes.
#include <stdatomic.h>
#include <string.h>

#include "types/blocks.h"
#include "types/pack.h"

enum { TASK_BYTES = 256 << 10 };  // that a worker packs at a time

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
    int64_t groups = vd_ceil_div(N, VD_PACK_ROWS);
    *bytes = groups * vd_packed_group_bytes(type, K);
    return VD_OK;
}

// Packs row r of a plane: `bits` bits of each code, from bit `shift` on.
static void pack_plane(const uint8_t codes[VD_BLOCK], int shift, int bits, uint8_t *plane, int r) {
    int unit_codes = 4 * bits;  // codes between fields of a byte
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

// Packs 16 codes of 6 bits of row r: nibbles in two words, pairs in a third.
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

// Packs the codes of scales and minima of row r.
static void pack_factor_codes(int32_t type, const uint8_t *block, uint8_t *packed, int r) {
    vd_block_layout layout = vd_block_layout_of(type);
    int sub_blocks = layout.elements / layout.sub_block;
    uint8_t codes[16] = {0};
    for (int j = 0; j < sub_blocks; j++) {
        vd_factor_codes factor = vd_block_factor_codes(type, block, j);
        codes[j] = factor.scale;
        if (layout.scales == VD_SCALE_FOUR_BIT) {
            codes[j] |= (uint8_t)(factor.minimum << 4);
        } else if (layout.minima) {
            codes[sub_blocks + j] = factor.minimum;
        }
    }
    if (layout.scales == VD_SCALE_SIX_BIT) {
        pack_six_bits(codes, packed, r);
    } else {
        for (int j = 0; j < sub_blocks; j++) {
            packed[j * VD_PACK_ROWS + r] = codes[j];
        }
    }
}

static void pack_factors(int32_t type, const uint8_t *block, uint8_t *packed, int r) {
    vd_block_layout layout = vd_block_layout_of(type);
    uint16_t d = vd_block_d(type, block);
    if (layout.scales == VD_SCALE_EXPONENT) {
        packed[r] = (uint8_t)d;
        return;
    }
    memcpy(packed + 2 * r, &d, 2);
    if (layout.minima) {
        uint16_t dmin = vd_block_dmin(type, block);
        memcpy(packed + 2 * VD_PACK_ROWS + 2 * r, &dmin, 2);
    }
    if (vd_packed_codes(type) < VD_PACK_ROWS * layout.factor_bytes) {
        pack_factor_codes(type, block, packed + vd_packed_codes(type), r);
    }
}

static void pack_row(int32_t type, int64_t K, const uint8_t *source, uint8_t *quants,
                     uint8_t *factors, int r) {
    vd_block_layout layout = vd_block_layout_of(type);
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
        source += layout.file_bytes;
        factors += VD_PACK_ROWS * layout.factor_bytes;
    }
}

static void pack_group(int32_t type, int64_t K, int64_t rows, const uint8_t *source,
                       uint8_t *group) {
    if (rows < VD_PACK_ROWS) {
        memset(group, 0, (size_t)vd_packed_group_bytes(type, K));
    }
    for (int r = 0; r < rows; r++) {
        const uint8_t *row = source + r * vd_row_bytes(type, K);
        pack_row(type, K, row, group, group + vd_packed_factors(type, K), r);
    }
}

void vd_pack_groups(int32_t type, int64_t N, int64_t K, const void *source, vd_range groups,
                    void *packed) {
    int64_t rows_bytes = VD_PACK_ROWS * vd_row_bytes(type, K);
    int64_t group_bytes = vd_packed_group_bytes(type, K);
    for (int64_t g = groups.begin; g < groups.end; g++) {
        int64_t rows = vd_min(N - g * VD_PACK_ROWS, VD_PACK_ROWS);
        pack_group(type, K, rows, (const uint8_t *)source + g * rows_bytes,
                   (uint8_t *)packed + (g - groups.begin) * group_bytes);
    }
}

typedef struct pack_task {
    vd_type type;
    int64_t N, K;
    const uint8_t *source;
    uint8_t *packed;
    int64_t group_end;
    int64_t step;               // groups that a worker takes at once
    atomic_int_least64_t next;  // next group to be taken
} pack_task;

// Workers take groups from a shared counter, so that a slowed one takes fewer.
static void pack_share(void *argument, const vd_worker *worker) {
    (void)worker;
    pack_task *task = argument;
    for (;;) {
        int64_t begin = atomic_fetch_add_explicit(&task->next, task->step, memory_order_relaxed);
        int64_t end = vd_min(begin + task->step, task->group_end);
        if (begin >= end) {
            return;
        }
        vd_pack_groups(task->type, task->N, task->K, task->source, (vd_range){begin, end},
                       task->packed + begin * vd_packed_group_bytes(task->type, task->K));
    }
}

vd_status vd_pack(vd_pool *pool, vd_type type, int64_t N, int64_t K, const void *source,
                  void *packed, int64_t group_begin, int64_t group_end) {
    if (source == NULL || packed == NULL || !packable(type, N, K) || group_begin < 0 ||
        group_begin > group_end || group_end > vd_ceil_div(N, VD_PACK_ROWS)) {
        return VD_INVALID_ARGUMENT;
    }
    pack_task task = {.type = type,
                      .N = N,
                      .K = K,
                      .source = source,
                      .packed = packed,
                      .group_end = group_end,
                      .step = 1 + TASK_BYTES / vd_packed_group_bytes(type, K),
                      .next = group_begin};
    if (pool == NULL) {
        pack_share(&task, NULL);
    } else {
        vd_pool_run(pool, pack_share, &task);
    }
    return VD_OK;
}

// Packing of quantized weights; vidrio.h draws the layout at vd_packed_bytes.
#include <stdatomic.h>
#include <string.h>

#include "os/truncation.h"
#include "types/block_fields.h"
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

VD_INLINE void store_four(uint8_t *unit, int r, uint64_t word) {
    uint32_t four = (uint32_t)word;
    memcpy(unit + r * 4, &four, sizeof four);
}

// Packs row r of a plane: `bits` bits of each code, from bit `shift` on. Works on 8 columns, which
// belong to two units, or in a plane of one bit to two fields.
VD_INLINE void pack_plane(const uint8_t codes[VD_BLOCK], int shift, int bits, uint8_t *plane,
                          int r) {
    uint64_t mask = VD_ONES * ((1u << bits) - 1);
    int pairs = bits == 1 ? 1 : bits / 2;  // of units
    int fields = VD_BLOCK / 8 / pairs;
    for (int pair = 0; pair < pairs; pair++) {
        uint64_t words = 0;
        for (int field = 0; field < fields; field++) {
            uint64_t eight = vd_load_eight(codes + 8 * (field * pairs + pair));
            words |= (eight >> shift & mask) << field * (8 / fields);
        }
        if (bits == 1) {
            store_four(plane, r, words | words >> 32 << 1);
        } else {
            store_four(plane + 2 * pair * VD_UNIT_BYTES, r, words);
            store_four(plane + (2 * pair + 1) * VD_UNIT_BYTES, r, words >> 32);
        }
    }
}

// Moves the low nibbles of 8 bytes together.
VD_INLINE uint32_t join_nibbles(uint64_t x) {
    x &= 0x0f0f0f0f0f0f0f0f;
    x = (x | x >> 4) & 0x00ff00ff00ff00ff;
    x = (x | x >> 8) & 0x0000ffff0000ffff;
    return (uint32_t)(x | x >> 16);
}

// Moves the low 2 bits of 8 bytes together.
VD_INLINE uint32_t join_pairs(uint64_t x) {
    x &= 0x0303030303030303;
    x = (x | x >> 6) & 0x000f000f000f000f;
    x = (x | x >> 12) & 0x000000ff000000ff;
    return (uint32_t)((x | x >> 24) & 0xffff);
}

// Packs 16 codes of 6 bits of row r: nibbles in two words, pairs in a third.
VD_INLINE void pack_six_bits(const uint8_t codes[16], uint8_t *words, int r) {
    uint64_t first = vd_load_eight(codes);
    uint64_t last = vd_load_eight(codes + 8);
    store_four(words, r, join_nibbles(first));
    store_four(words + VD_UNIT_BYTES, r, join_nibbles(last));
    store_four(words + 2 * VD_UNIT_BYTES, r, join_pairs(first >> 4) | join_pairs(last >> 4) << 16);
}

// Packs the codes of scales and minima of row r.
VD_INLINE void pack_factor_codes(int32_t type, const uint8_t *block, uint8_t *packed, int r) {
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

VD_INLINE void pack_factors(int32_t type, const uint8_t *block, uint8_t *packed, int r) {
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

// Packs a block of row r.
VD_INLINE void pack_block(int32_t type, const uint8_t *block, uint8_t *quants, uint8_t *factors,
                          int r) {
    vd_block_layout layout = vd_block_layout_of(type);
    for (int b = 0; b < layout.elements / VD_BLOCK; b++) {
        uint8_t codes[VD_BLOCK];
        vd_block_codes(type, block, b, codes);
        pack_plane(codes, 0, layout.low_bits, quants, r);
        if (layout.high_bits > 0) {
            pack_plane(codes, layout.low_bits, layout.high_bits,
                       quants + VD_UNIT_BYTES * layout.low_bits, r);
        }
        quants += VD_UNIT_BYTES * vd_code_bits(type);
    }
    pack_factors(type, block, factors, r);
}

// Packs block by block, so that the 16 rows meet in the L1 cache.
VD_INLINE void pack_group(int32_t type, int64_t K, int64_t rows, const uint8_t *source,
                          uint8_t *group) {
    vd_block_layout layout = vd_block_layout_of(type);
    int64_t row_bytes = vd_row_bytes(type, K);
    int64_t quants_bytes = layout.elements / VD_BLOCK * VD_UNIT_BYTES * vd_code_bits(type);
    int64_t factors_bytes = VD_PACK_ROWS * layout.factor_bytes;
    uint8_t *factors = group + vd_packed_factors(type, K);
    if (rows < VD_PACK_ROWS) {
        memset(group, 0, (size_t)vd_packed_group_bytes(type, K));
    }
    for (int64_t i = 0; i < K / layout.elements; i++) {
        for (int r = 0; r < rows; r++) {
            pack_block(type, source + r * row_bytes + i * layout.file_bytes,
                       group + i * quants_bytes, factors + i * factors_bytes, r);
        }
    }
}

VD_INLINE void pack_groups(int32_t type, int64_t N, int64_t K, const uint8_t *source,
                           vd_range groups, uint8_t *packed) {
    int64_t rows_bytes = VD_PACK_ROWS * vd_row_bytes(type, K);
    int64_t group_bytes = vd_packed_group_bytes(type, K);
    for (int64_t g = groups.begin; g < groups.end; g++) {
        int64_t rows = vd_min(N - g * VD_PACK_ROWS, VD_PACK_ROWS);
        pack_group(type, K, rows, source + g * rows_bytes,
                   packed + (g - groups.begin) * group_bytes);
    }
}

// A function for each type, so that its layout is constant.
#define VD_BLOCK_TYPE(TYPE, name, ...)                                                    \
    static void pack_##name(int64_t N, int64_t K, const uint8_t *source, vd_range groups, \
                            uint8_t *packed) {                                            \
        pack_groups(VD_##TYPE, N, K, source, groups, packed);                             \
    }
#define VD_TWIN_TYPE(TYPE, name, TWIN, twin, ...) VD_BLOCK_TYPE(TYPE, name, __VA_ARGS__)
#include "types/types.inc"

void vd_pack_groups(int32_t type, int64_t N, int64_t K, const void *source, vd_range groups,
                    void *packed) {
    switch (type) {
#define VD_BLOCK_TYPE(TYPE, name, ...)             \
    case VD_##TYPE:                                \
        pack_##name(N, K, source, groups, packed); \
        break;
#define VD_TWIN_TYPE(TYPE, name, TWIN, twin, ...) VD_BLOCK_TYPE(TYPE, name, __VA_ARGS__)
#include "types/types.inc"
        default:
            break;
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
    if (pool != NULL) {
        return vd_pool_run(pool, pack_share, &task);
    }
    atomic_int truncated = 0;
    vd_truncation_prepare();
    vd_truncation_report(&truncated);
    pack_share(&task, NULL);
    vd_truncation_report(NULL);
    return truncated ? VD_TRUNCATED : VD_OK;
}

// Quantized matmul over 16 lanes, which are 16 outputs. One or two tokens are computed in tiles of
// groups over all of K, limited by memory bandwidth; more tokens over panels.
#include "matmul/matmul_panel_v16.h"
#include "matmul/matmul_tile_v16.h"
#include "matmul/weight_prefetch.h"

// Computes outputs of the first M tokens of `rows` and the first VD_FEW_GROUPS groups. Beyond the
// last group it is computed again.
VD_INLINE void packed_tile(const int type, const int M, const vd_matmul *op, int64_t m0,
                           vd_range groups, vd_prefetcher *prefetcher) {
    const int N = VD_FEW_GROUPS;
    const vd_block_layout layout = vd_block_layout_of(type);
    const int sub_blocks = VD_BLOCK / layout.sub_block;  // in 32 columns
    const uint8_t *columns[VD_GROUPS_MAX];
    const uint8_t *factors[VD_GROUPS_MAX];
    for (int n = 0; n < N; n++) {
        int64_t group = vd_min(groups.begin + n, groups.end - 1);
        columns[n] = (const uint8_t *)op->weights + group * vd_packed_group_bytes(type, op->K);
        factors[n] = columns[n] + vd_packed_factors(type, op->K);
    }
    vd_activations_at x = vd_activations(&op->xq, op->K, m0, 0);
    vd_sums acc;
    vd_begin_sums(M, N, op, m0, groups, 0, acc);
    for (int64_t k = 0; k < op->K; k += layout.elements) {
        for (int j = 0; j < layout.elements / layout.sub_block; j += sub_blocks) {
            vd_prefetch_next(prefetcher, N * vd_column_bytes(type));
            vd_add_packed_columns(type, M, N, columns, factors, j, &x, acc);
            for (int n = 0; n < N; n++) {
                columns[n] += VD_UNIT_BYTES * vd_code_bits(type);
            }
            vd_next_activations(&x);
        }
        for (int n = 0; n < N; n++) {
            factors[n] += VD_PACK_ROWS * layout.factor_bytes;
        }
    }
    vd_store_sums(M, N, op, m0, groups, acc);
}

// Returns the prefetcher for passes over a tile of the first N groups.
VD_INLINE vd_prefetcher prefetcher_of(const int type, const int N, const vd_matmul *op,
                                      vd_range groups, int64_t passes) {
    int64_t group_bytes = vd_packed_group_bytes(type, op->K);
    const uint8_t *tile = (const uint8_t *)op->weights + groups.begin * group_bytes;
    return vd_prefetcher_of(tile, N * group_bytes, (groups.end - groups.begin) * group_bytes,
                            passes);
}

// Computes at most VD_FEW_TOKENS tokens as one tile.
VD_INLINE void few_tokens(const int type, const int M, const vd_matmul *op, vd_range rows,
                          vd_range units) {
    for (vd_range groups = units; groups.begin < groups.end; groups.begin += VD_FEW_GROUPS) {
        vd_prefetcher prefetcher = prefetcher_of(type, VD_FEW_GROUPS, op, groups, 1);
        packed_tile(type, M, op, rows.begin, groups, &prefetcher);
    }
}

VD_INLINE void more_tokens(const int type, vd_tile_kernel *const *kernels, const vd_matmul *op,
                           vd_range rows, vd_range units, vd_range k) {
    vd_panel panel;
    int64_t tiles = vd_token_tiles(rows);
    for (vd_range groups = units; groups.begin < groups.end; groups.begin += VD_TILE_GROUPS) {
        vd_prefetcher prefetcher = prefetcher_of(type, VD_TILE_GROUPS, op, groups, tiles);
        vd_range blocks = {k.begin / VD_BLOCK, k.end / VD_BLOCK};
        prefetcher.next += blocks.begin * VD_UNIT_BYTES * vd_code_bits(type);
        for (; blocks.begin < blocks.end; blocks.begin += VD_PANEL_BLOCKS) {
            vd_fill_panel(type, op, groups, blocks, &panel);
            vd_panel_tiles(kernels, op, rows, &panel, &prefetcher);
        }
    }
}

VD_INLINE void product(const int type, vd_tile_kernel *const *kernels, const vd_matmul *op,
                       vd_range rows, vd_range units, vd_range k) {
    int64_t M = rows.end - rows.begin;
    if (M > VD_FEW_TOKENS) {
        more_tokens(type, kernels, op, rows, units, k);
    } else if (VD_FEW_TOKENS > 1 && M == 2) {
        few_tokens(type, 2, op, rows, units);
    } else if (M == 1) {
        few_tokens(type, 1, op, rows, units);
    }
}

// Defines the kernel of tiles of M tokens, which is empty if no tile has M.
#define VD_TILE(M, TYPE, name)                                                              \
    VD_APART void tile_##M##_##name(const vd_matmul *op, int64_t m0, const vd_panel *panel, \
                                    vd_prefetcher *prefetcher) {                            \
        if (vd_is_tile(M)) {                                                                \
            vd_panel_tile(VD_##TYPE, vd_is_tile(M) ? M : 1, op, m0, panel, prefetcher);     \
        }                                                                                   \
    }
#define VD_BLOCK_TYPE(TYPE, name, ...)                                                 \
    VD_TILE(1, TYPE, name)                                                             \
    VD_TILE(2, TYPE, name)                                                             \
    VD_TILE(3, TYPE, name)                                                             \
    VD_TILE(4, TYPE, name)                                                             \
    VD_TILE(5, TYPE, name)                                                             \
    VD_TILE(6, TYPE, name)                                                             \
    VD_TILE(7, TYPE, name)                                                             \
    VD_TILE(8, TYPE, name)                                                             \
    static vd_tile_kernel *const tiles_##name[] = {                                    \
        NULL,          tile_1_##name, tile_2_##name, tile_3_##name, tile_4_##name,     \
        tile_5_##name, tile_6_##name, tile_7_##name, tile_8_##name,                    \
    };                                                                                 \
    void VD_NAME(vd_matmul_##name)(const vd_matmul *op, vd_range rows, vd_range units, \
                                   vd_range k) {                                       \
        product(VD_##TYPE, tiles_##name, op, rows, units, k);                          \
    }
#include "types/types.inc"

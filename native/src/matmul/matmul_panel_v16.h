// Quantized matmul for more than VD_FEW_TOKENS tokens, which are multiplied by a panel of weights
// one register tile after another. Scales and minima are decoded once for all of them. Codes are
// unpacked for each tile: that uses execution ports which the products leave idle, and a panel of
// bytes would double the bytes read (docs/adr/005-panel-gemm.md).
#ifndef VD_MATMUL_PANEL_V16_H
#define VD_MATMUL_PANEL_V16_H

#include <stdalign.h>

#include "matmul/matmul_tile_v16.h"

enum {
    VD_PANEL_BLOCKS = 64,  // of 32 columns
    VD_PANEL_SUB_BLOCKS = VD_PANEL_BLOCKS * VD_BLOCK / VD_SUM_BLOCK,
};

// 16 rows of weights over the panel's columns. Scales and minima are decoded only for types that
// encode them; for others they are halves, which are cheaper to convert than to store.
typedef struct vd_group_panel {
    alignas(64) float scale[VD_PANEL_SUB_BLOCKS][VD_PACK_ROWS];
    float minimum[VD_PANEL_SUB_BLOCKS][VD_PACK_ROWS];
    const uint8_t *columns;
    const uint8_t *factors;
} vd_group_panel;

VD_INLINE int vd_has_codes(const int type) { return vd_block_layout_of(type).elements > VD_BLOCK; }

// Groups of weights; beyond the last group it is repeated.
typedef struct vd_panel {
    vd_group_panel groups[VD_TILE_GROUPS];
    vd_range group;         // the distinct ones
    int64_t block, blocks;  // of 32 columns
} vd_panel;

VD_INLINE void vd_fill_group(const int type, const vd_matmul *op, int64_t g, int64_t block,
                             int64_t blocks, vd_group_panel *panel) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const int sub_blocks = layout.elements / layout.sub_block;
    const int64_t factor_bytes = VD_PACK_ROWS * layout.factor_bytes;
    const uint8_t *group = (const uint8_t *)op->weights + g * vd_packed_group_bytes(type, op->K);
    const uint8_t *factors =
        group + vd_packed_factors(type, op->K) + block * VD_BLOCK / layout.elements * factor_bytes;
    panel->columns = group + block * VD_UNIT_BYTES * vd_code_bits(type);
    panel->factors = factors;
    int64_t end = vd_has_codes(type) ? blocks * VD_BLOCK / layout.sub_block : 0;
    for (int64_t i = 0; i < end; i += sub_blocks) {
        for (int j = 0; j < sub_blocks; j++) {
            f32x16_store(panel->scale[i + j], vd_scales(type, factors, j));
            if (layout.minima) {
                f32x16_store(panel->minimum[i + j], vd_minima(type, factors, j));
            }
        }
        factors += factor_bytes;
    }
}

// Returns the scales, or minima, of sub-block i of the panel.
VD_INLINE f32x16 vd_panel_scales(const int type, const vd_group_panel *group, int64_t i) {
    const int64_t factor_bytes = VD_PACK_ROWS * vd_block_layout_of(type).factor_bytes;
    return vd_has_codes(type) ? f32x16_load(group->scale[i])
                              : vd_scales(type, group->factors + i * factor_bytes, 0);
}
VD_INLINE f32x16 vd_panel_minima(const int type, const vd_group_panel *group, int64_t i) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const int64_t factor_bytes = VD_PACK_ROWS * layout.factor_bytes;
    return !layout.minima       ? f32x16_zero()
           : vd_has_codes(type) ? f32x16_load(group->minimum[i])
                                : vd_minima(type, group->factors + i * factor_bytes, 0);
}

// Fills a panel with the first of some blocks of the first groups.
VD_INLINE void vd_fill_panel(const int type, const vd_matmul *op, vd_range groups, vd_range blocks,
                             vd_panel *panel) {
    panel->group = (vd_range){groups.begin, vd_min(groups.begin + VD_TILE_GROUPS, groups.end)};
    panel->block = blocks.begin;
    panel->blocks = vd_min(blocks.end - blocks.begin, VD_PANEL_BLOCKS);
    for (int n = 0; n < VD_TILE_GROUPS; n++) {
        int64_t g = vd_min(groups.begin + n, groups.end - 1);
        vd_fill_group(type, op, g, panel->block, panel->blocks, &panel->groups[n]);
    }
}

// Adds sub-block s of 32 columns, which is sub-block i of the panel.
VD_INLINE void vd_add_panel_sub_block(const int type, const int M, const uint8_t *const *columns,
                                      const vd_panel *panel, int64_t i, int s,
                                      const vd_activations_at *x, vd_sums acc) {
    vd_int_sums sum;
    vd_multiply_sub_block(type, M, VD_TILE_GROUPS, columns, s, x, sum);
    for (int n = 0; n < VD_TILE_GROUPS; n++) {
        f32x16 scale = vd_panel_scales(type, &panel->groups[n], i);
        f32x16 minimum = vd_panel_minima(type, &panel->groups[n], i);
        vd_add_sub_block(type, M, n, scale, minimum, s, x, sum, acc);
    }
}

// Adds 32 columns, starting with sub-block i of the panel.
VD_INLINE void vd_add_panel_columns(const int type, const int M, const uint8_t *const *columns,
                                    const vd_panel *panel, int64_t i, const vd_activations_at *x,
                                    vd_sums acc) {
    vd_add_panel_sub_block(type, M, columns, panel, i, 0, x, acc);
    if (vd_block_layout_of(type).sub_block < VD_BLOCK) {
        vd_add_panel_sub_block(type, M, columns, panel, i + 1, 1, x, acc);
    }
}

// Adds the panel's columns to the outputs of tokens [m0, m0 + M), or sets them if the panel begins
// at column 0.
VD_INLINE void vd_panel_tile(const int type, const int M, const vd_matmul *op, int64_t m0,
                             const vd_panel *panel, vd_prefetcher *prefetcher) {
    const int N = VD_TILE_GROUPS;
    const int sub_blocks = VD_BLOCK / vd_block_layout_of(type).sub_block;
    vd_activations_at x = vd_activations(&op->xq, op->K, m0, panel->block * VD_BLOCK);
    const uint8_t *columns[VD_GROUPS_MAX];
    for (int n = 0; n < N; n++) {
        columns[n] = panel->groups[n].columns;
    }
    vd_sums acc;
    vd_begin_sums(M, N, op, m0, panel->group, panel->block > 0, acc);
    for (int64_t b = 0; b < panel->blocks; b++) {
        vd_prefetch_next(prefetcher, N * vd_column_bytes(type));
        vd_add_panel_columns(type, M, columns, panel, b * sub_blocks, &x, acc);
        for (int n = 0; n < N; n++) {
            columns[n] += VD_UNIT_BYTES * vd_code_bits(type);
        }
        vd_next_activations(&x);
    }
    vd_store_sums(M, N, op, m0, panel->group, acc);
}

// Multiplies the tokens of a tile, from m0 on, by a panel.
typedef void vd_tile_kernel(const vd_matmul *op, int64_t m0, const vd_panel *panel,
                            vd_prefetcher *prefetcher);

// Multiplies all tokens by a panel. Element M of `kernels` multiplies M tokens.
VD_INLINE void vd_panel_tiles(vd_tile_kernel *const *kernels, const vd_matmul *op, vd_range rows,
                              const vd_panel *panel, vd_prefetcher *prefetcher) {
    int64_t tiles = vd_token_tiles(rows);
    for (int64_t i = 0; i < tiles; i++) {
        vd_range tile = vd_token_tile(rows, i, tiles);
        kernels[tile.end - tile.begin](op, tile.begin, panel, prefetcher);
    }
}

#endif

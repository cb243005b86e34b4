// Quantized matmul for AMX-INT8; docs/adr/007-amx.md derives its shape.
//
// A panel of 8 groups of weights over 256 columns is expanded to signed bytes in the layout of B
// tiles, and to float scales. It stays in the L1 cache while the tokens are multiplied by it, 16 at
// a time. Each block of 32 columns is one tile product, an exact integer per output; it leaves its
// tile through memory and is folded into the float sums, which stay in 16 registers. Products run
// five blocks ahead of the fold, rotating through four tiles and eight buffers. A remainder of
// fewer than 16 tokens, batches of fewer than 32 tokens, and types with sub-blocks of 16 columns
// use the AVX-512 kernels.
#include "simd/v16_avx512.h"
// The vector types come first: the loaders use them.
#include <stdalign.h>

#include "matmul/blocks_v16.h"
#include "matmul/matmul.h"
#include "simd/amx.h"
#include "simd/transpose_avx512.h"

enum {
    TOKENS = 16,
    LEAST_TOKENS = 32,  // for fewer, expanding weights costs more than products save
    PANEL_GROUPS = 8,
    PANEL_BLOCKS = 8,  // of 32 columns
    BLOCK_BYTES = VD_BLOCK * VD_PACK_ROWS,
    TILES = 4,        // of sums: block b uses tile b % 4
    BUFFERS = 8,      // of stored sums: block b uses buffer b % 8
    STORE_AFTER = 2,  // blocks
    FOLD_AFTER = 5,
};

static const amx_config tiles = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, VD_BLOCK, VD_BLOCK, 64, 64},
    .rows = {TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, VD_BLOCK / 4, VD_BLOCK / 4},
};

// 16 rows of weights.
typedef struct group_panel {
    alignas(64) int8_t quants[PANEL_BLOCKS][BLOCK_BYTES];
    float scale[PANEL_BLOCKS][VD_PACK_ROWS];
    float minimum[PANEL_BLOCKS][VD_PACK_ROWS];
} group_panel;

// 16 tokens: pointers to their quants, and their factors block by block.
typedef struct token_panel {
    alignas(64) float scale[PANEL_BLOCKS][TOKENS];
    float scaled_sum[PANEL_BLOCKS][TOKENS];
    const int8_t *quants;
    int64_t stride;
} token_panel;

VD_INLINE void expand(const int type, const vd_matmul *op, int64_t g, int64_t block, int64_t blocks,
                      group_panel *panel) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const uint8_t *group = (const uint8_t *)op->weights + g * vd_packed_group_bytes(type, op->K);
    const uint8_t *quants = group + block * VD_UNIT_BYTES * vd_code_bits(type);
    const uint8_t *factors = group + vd_packed_factors(type, op->K);
    const int steps = layout.elements / VD_BLOCK;
    i8x64 bias = _mm512_set1_epi8((char)vd_bias(type));
    for (int64_t b = 0; b < blocks; b++) {
        const uint8_t *of_block =
            factors + (block + b) / steps * VD_PACK_ROWS * layout.factor_bytes;
        int j = (int)((block + b) % steps);
        for (int k = 0; k < VD_BLOCK / 4; k++) {
            i8x64 w = _mm512_sub_epi8(vd_columns(type, quants, k), bias);
            _mm512_store_si512(panel->quants[b] + VD_UNIT_BYTES * k, w);
        }
        f32x16_store(panel->scale[b], vd_scales(type, of_block, j));
        if (layout.minima) {
            f32x16_store(panel->minimum[b], vd_minima(type, of_block, j));
        }
        quants += VD_UNIT_BYTES * vd_code_bits(type);
    }
}

// Transposes rows of 16 tokens, of at most 8 blocks, into rows of blocks.
VD_INLINE void transpose(const float *from, int64_t stride, int64_t blocks,
                         float to[PANEL_BLOCKS][TOKENS]) {
    __m512i a[16];
    for (int i = 0; i < 16; i++) {
        a[i] = _mm512_maskz_loadu_epi32((__mmask16)((1u << blocks) - 1), from + i * stride);
    }
    transpose_words(a);
    for (int i = 0; i < PANEL_BLOCKS; i++) {
        _mm512_store_si512(to[i], a[i]);
    }
}

VD_INLINE void gather_tokens(const int minima, const vd_matmul *op, int64_t m, int64_t block,
                             int64_t blocks, token_panel *tokens) {
    int64_t row_blocks = op->K / VD_BLOCK;
    int64_t at = m * row_blocks + block;
    transpose(op->xq.scale + at, row_blocks, blocks, tokens->scale);
    if (minima) {
        transpose(op->xq.scaled_sum + at, row_blocks, blocks, tokens->scaled_sum);
    }
    tokens->quants = op->xq.q + at * VD_BLOCK;
    tokens->stride = op->K;
}

VD_INLINE void multiply(const int tile, const int8_t *quants, const int8_t *weights,
                        int64_t stride) {
    amx_load(6 + tile % 2, weights, VD_UNIT_BYTES);
    amx_load(4 + tile % 2, quants, stride);
    amx_zero(tile);
    amx_dot_signed(tile);
}

VD_INLINE void fold(const int minima, const int32_t sum[TOKENS][VD_PACK_ROWS], const float *scales,
                    const float *minimums, const float *token_scales,
                    const float *token_scaled_sums, f32x16 acc[TOKENS]) {
    f32x16 scale = f32x16_load(scales);
    f32x16 minimum = minima ? f32x16_load(minimums) : f32x16_zero();
#pragma GCC unroll 16
    for (int m = 0; m < TOKENS; m++) {
        f32x16 product = f32x16_mul(scale, f32x16_splat(token_scales[m]));
        acc[m] = f32x16_fma(f32x16_from_int(_mm512_load_si512(sum[m])), product, acc[m]);
        if (minima) {
            acc[m] = f32x16_fma(minimum, f32x16_splat(token_scaled_sums[m]), acc[m]);
        }
    }
}

// Adds the blocks of a panel to the sums of 16 tokens.
VD_INLINE void add_blocks(const int minima, const group_panel *panel, const token_panel *tokens,
                          int64_t blocks, f32x16 acc[TOKENS]) {
    alignas(64) int32_t sums[BUFFERS][TOKENS][VD_PACK_ROWS];
    for (int64_t first = 0; first < blocks + FOLD_AFTER; first += BUFFERS) {
#pragma GCC unroll 8
        for (int stage = 0; stage < BUFFERS; stage++) {
            int64_t b = first + stage;
            if (b < blocks) {
                multiply(stage % TILES, tokens->quants + b * VD_BLOCK, panel->quants[b],
                         tokens->stride);
            }
            if (b >= STORE_AFTER && b - STORE_AFTER < blocks) {
                int stored = (stage + BUFFERS - STORE_AFTER) % BUFFERS;
                amx_store(stored % TILES, sums[stored], VD_UNIT_BYTES);
            }
            if (b >= FOLD_AFTER && b - FOLD_AFTER < blocks) {
                int64_t f = b - FOLD_AFTER;
                fold(minima, sums[(stage + BUFFERS - FOLD_AFTER) % BUFFERS], panel->scale[f],
                     panel->minimum[f], tokens->scale[f], tokens->scaled_sum[f], acc);
            }
        }
    }
}

// Computes outputs of 16 tokens from m on and group g. `block` is the panel's first; unless it is
// 0, y holds the sums so far.
VD_INLINE void tile(const int minima, const vd_matmul *op, int64_t m, int64_t g, int64_t block,
                    int64_t blocks, const group_panel *panel, const token_panel *tokens) {
    int64_t first = g * VD_PACK_ROWS;
    int64_t columns = op->N - first;
    float *y = op->y + m * op->N + first;
    __mmask16 mask = columns < VD_PACK_ROWS ? f32x16_mask(columns) : (__mmask16)-1;
    f32x16 acc[TOKENS];
#pragma GCC unroll 16
    for (int i = 0; i < TOKENS; i++) {
        acc[i] = block == 0 ? f32x16_zero() : _mm512_maskz_loadu_ps(mask, y + i * op->N);
    }
    add_blocks(minima, panel, tokens, blocks, acc);
#pragma GCC unroll 16
    for (int i = 0; i < TOKENS; i++) {
        _mm512_mask_storeu_ps(y + i * op->N, mask, acc[i]);
    }
}

// Multiplies a number of rows that is a multiple of 16.
VD_INLINE void multiply_tiles(const int type, const vd_matmul *op, vd_range rows, vd_range groups) {
    const int minima = vd_block_layout_of(type).minima;
    group_panel panels[PANEL_GROUPS];
    token_panel tokens;
    amx_configure(&tiles);
    for (int64_t g = groups.begin; g < groups.end; g += PANEL_GROUPS) {
        int64_t n = vd_min(groups.end - g, PANEL_GROUPS);
        for (int64_t block = 0; block < op->K / VD_BLOCK; block += PANEL_BLOCKS) {
            int64_t blocks = vd_min(op->K / VD_BLOCK - block, PANEL_BLOCKS);
            for (int64_t i = 0; i < n; i++) {
                expand(type, op, g + i, block, blocks, &panels[i]);
            }
            for (int64_t m = rows.begin; m < rows.end; m += TOKENS) {
                gather_tokens(minima, op, m, block, blocks, &tokens);
                for (int64_t i = 0; i < n; i++) {
                    tile(minima, op, m, g + i, block, blocks, &panels[i], &tokens);
                }
            }
        }
    }
    amx_release();
}

// Parts of K have few tokens.
VD_INLINE void product(const int type, vd_matmul_kernel *few, const vd_matmul *op, vd_range rows,
                       vd_range groups, vd_range k) {
    int64_t M = rows.end - rows.begin;
    int64_t whole = rows.begin + (M < LEAST_TOKENS ? 0 : M / TOKENS * TOKENS);
    if (whole > rows.begin) {
        multiply_tiles(type, op, (vd_range){rows.begin, whole}, groups);
    }
    if (whole < rows.end) {
        few(op, (vd_range){whole, rows.end}, groups, k);
    }
}

#define VD_SUB_BLOCK_16(TYPE, name)
#define VD_SUB_BLOCK_32(TYPE, name)                                                      \
    void vd_matmul_##name##_amx_int8(const vd_matmul *op, vd_range rows, vd_range units, \
                                     vd_range k) {                                       \
        product(VD_##TYPE, vd_matmul_##name##_avx512_vnni, op, rows, units, k);          \
    }
#define VD_BLOCK_TYPE(TYPE, name, elements, sub_block, ...) VD_SUB_BLOCK_##sub_block(TYPE, name)
#include "types/types.inc"

// Matmul in bf16 for AMX-BF16, whose product of tiles is the sum that docs/numerics.md defines: a
// chain over the even and one over the odd of 32 columns. Sums stay in two by two tiles of 16
// tokens x 16 outputs over a panel of 512 columns, and are then kept in y.
//
// A panel of 512 tokens is converted once for all outputs of a tile of the product, and a panel of
// 32 outputs once for these tokens: they stay in the caches of the second and the first level.
// Fewer than 17 tokens are multiplied by the kernel of AVX-512, since conversion would take longer
// than the products save.
#include "simd/v16_avx512.h"
// The vector types come first: the loaders of blocks use them.
#include <assert.h>
#include <stdalign.h>
#include <string.h>

#include "matmul/blocks_v16.h"
#include "matmul/matmul.h"
#include "simd/amx.h"
#include "simd/part_v16.h"

enum {
    FEW_TOKENS = 16,
    COLUMNS = 512,  // of a panel
    TOKENS = 512,
    TILE_TOKENS = 32,
    GROUPS = 2,                   // of 16 outputs
    STRIDE = COLUMNS + VD_BLOCK,  // between tokens, which then map to different cache sets
};

// Memory of a worker. Columns after K are zero up to a multiple of 32, tokens after the last one up
// to a multiple of TILE_TOKENS. Two adjacent columns of 16 outputs are a row of weights.
typedef struct panels {
    alignas(64) uint16_t tokens[TOKENS][STRIDE];
    uint16_t weights[GROUPS][COLUMNS / 2][2 * VD_PACK_ROWS];
    float sums[TILE_TOKENS][GROUPS][VD_PACK_ROWS];
} panels;

static_assert(sizeof(panels) <= VD_PANEL_BYTES, "panels fit a worker's memory");

static const amx_config tiles = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

// ---- conversion --------------------------------------------------------------------------------

// Replaces magnitudes below 2^-50 by 0; NaN remains.
VD_INLINE __m512i flush(__m512i bf16) {
    const __m512i magnitude = _mm512_and_si512(bf16, _mm512_set1_epi16(0x7fff));
    const __m512i min = _mm512_set1_epi16((127 - 50) << 7);
    return _mm512_maskz_mov_epi16(_mm512_cmpge_epu16_mask(magnitude, min), bf16);
}

VD_INLINE __m512i to_bf16(f32x16 low, f32x16 high) {
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

// Interleaves 32 words as 0, 16, 1, 17, ...: two columns of 16 outputs become pairs.
VD_INLINE __m512i interleave(__m512i words) {
    const __m512i order =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, words);
}

// Converts the first n of 32 floats; others are 0.
VD_INLINE __m512i load_floats(const float *x, int64_t n) {
    f32x16 low = f32x16_load_up_to(x, n);
    f32x16 high = n > 16 ? f32x16_load_up_to(x + 16, n - 16) : f32x16_zero();
    return flush(to_bf16(low, high));
}

static void convert_tokens(const vd_matmul *op, vd_range rows, int64_t k, int64_t columns,
                           panels *p) {
    int64_t M = rows.end - rows.begin;
    for (int64_t m = 0; m < M; m++) {
        const float *x = op->x + (rows.begin + m) * op->K + k;
        for (int64_t c = 0; c < columns; c += VD_BLOCK) {
            _mm512_store_si512(p->tokens[m] + c, load_floats(x + c, columns - c));
        }
    }
    int64_t padded = vd_ceil_div(M, TILE_TOKENS) * TILE_TOKENS;
    memset(p->tokens[M], 0, (size_t)(padded - M) * sizeof p->tokens[0]);
}

// Loads the first n of 32 weights of a row; others are 0.
VD_INLINE __m512i load_row(const int type, const uint8_t *row, int64_t k, int64_t n) {
    if (type == VD_F32) {
        return load_floats((const float *)row + k, n);
    }
    __mmask32 mask = n < VD_BLOCK ? (__mmask32)((1u << n) - 1) : (__mmask32)-1;
    __m512i bits = _mm512_maskz_loadu_epi16(mask, (const uint16_t *)row + k);
    if (type == VD_BF16) {
        return flush(bits);
    }
    return to_bf16(_mm512_cvtph_ps(_mm512_castsi512_si256(bits)),
                   _mm512_cvtph_ps(_mm512_extracti64x4_epi64(bits, 1)));
}

// Converts rows n to n+15 of W, or up to `end`.
VD_INLINE void expand_rows(const int type, const vd_matmul *op, int64_t n, int64_t end, int64_t k,
                           int64_t columns, uint16_t (*to)[2 * VD_PACK_ROWS]) {
    int64_t bytes = vd_row_bytes(type, op->K);
    for (int64_t c = 0; c < columns; c += VD_BLOCK) {
        __m512i rows[VD_PACK_ROWS];
        for (int r = 0; r < VD_PACK_ROWS; r++) {
            const uint8_t *row = (const uint8_t *)op->weights + (n + r) * bytes;
            rows[r] = n + r < end ? load_row(type, row, k + c, columns - c) : i32x16_zero();
        }
        transpose_words(rows);
        for (int pair = 0; pair < VD_BLOCK / 2; pair++) {
            _mm512_store_si512(to[c / 2 + pair], rows[pair]);
        }
    }
}

// Converts columns 4q to 4q+3 of a block, from loaded codes to code * scale + offset. Only MXFP4
// has scales so small that weights must be flushed, and so large that a bias times a scale
// overflows.
VD_INLINE void expand_quad(const int type, i8x64 codes, f32x16 scale, f32x16 offset,
                           uint16_t (*to)[2 * VD_PACK_ROWS]) {
    for (int pair = 0; pair < 2; pair++) {
        i32x16 even = i32x16_bits(codes, 16 * pair, 255);
        i32x16 odd = i32x16_bits(codes, 16 * pair + 8, 255);
        __m512i both;
        if (type == VD_MXFP4) {
            const i32x16 bias = i32x16_splat(vd_bias(type));
            both = flush(to_bf16(f32x16_mul(f32x16_from_int(i32x16_sub(even, bias)), scale),
                                 f32x16_mul(f32x16_from_int(i32x16_sub(odd, bias)), scale)));
        } else {
            both = to_bf16(f32x16_fma(f32x16_from_int(even), scale, offset),
                           f32x16_fma(f32x16_from_int(odd), scale, offset));
        }
        _mm512_store_si512(to[pair], interleave(both));
    }
}

// Converts group g of packed rows. A scale has so few bits that its product with a bias is exact.
VD_INLINE void expand_group(const int type, const vd_matmul *op, int64_t g, int64_t k,
                            int64_t columns, uint16_t (*to)[2 * VD_PACK_ROWS]) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const int quads = layout.sub_block / 4;
    const uint8_t *group = (const uint8_t *)op->weights + g * vd_packed_group_bytes(type, op->K);
    const uint8_t *factors = group + vd_packed_factors(type, op->K);
    for (int64_t c = 0; c < columns; c += VD_BLOCK) {
        const uint8_t *codes = group + (k + c) / VD_BLOCK * VD_UNIT_BYTES * vd_code_bits(type);
        const uint8_t *of_block =
            factors + (k + c) / layout.elements * VD_PACK_ROWS * layout.factor_bytes;
        int j = (int)((k + c) % layout.elements / layout.sub_block);
        for (int s = 0; s < VD_BLOCK / layout.sub_block; s++) {
            f32x16 scale = vd_scales(type, of_block, j + s);
            f32x16 offset = layout.minima ? vd_minima(type, of_block, j + s)
                                          : f32x16_mul(scale, f32x16_splat((float)-vd_bias(type)));
#pragma GCC unroll 8
            for (int q = s * quads; q < (s + 1) * quads; q++) {
                expand_quad(type, vd_columns(type, codes, q), scale, offset, to + c / 2 + 2 * q);
            }
        }
    }
}

// ---- products ----------------------------------------------------------------------------------

// Adds the products of 32 tokens from m on with the panel's outputs to sums in memory, or sets the
// sums if they are the first. `stride` is the distance of tokens in bytes.
static void multiply_tiles(const panels *p, int64_t m, int64_t columns, float *sums, int64_t stride,
                           int first) {
    const int64_t token_bytes = sizeof p->tokens[0];
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        if (first) {
            amx_zero(c);
        } else {
            amx_load(c, (const char *)sums + c / 2 * 16 * stride + c % 2 * 64, stride);
        }
    }
    for (int64_t k = 0; k < columns; k += VD_BLOCK) {
        amx_load(4, p->tokens[m] + k, token_bytes);
        amx_load(6, p->weights[0][k / 2], VD_UNIT_BYTES);
        amx_dot_bf16(0);
        amx_load(7, p->weights[1][k / 2], VD_UNIT_BYTES);
        amx_dot_bf16(1);
        amx_load(5, p->tokens[m + 16] + k, token_bytes);
        amx_dot_bf16(2);
        amx_dot_bf16(3);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        amx_store(c, (char *)sums + c / 2 * 16 * stride + c % 2 * 64, stride);
    }
}

// Copies sums that exist to or from y.
static void copy_sums(panels *p, const vd_matmul *op, vd_range rows, vd_range outputs, int to_y) {
    for (int g = 0; g < GROUPS && outputs.begin + g * VD_PACK_ROWS < outputs.end; g++) {
        int64_t n = outputs.begin + g * VD_PACK_ROWS, left = outputs.end - n;
        for (int64_t m = rows.begin; m < rows.end; m++) {
            float *y = op->y + m * op->N + n, *sums = p->sums[m - rows.begin][g];
            if (to_y) {
                f32x16_store_up_to(y, f32x16_load(sums), left);
            } else {
                f32x16_store(sums, f32x16_load_up_to(y, left));
            }
        }
    }
}

// Multiplies all tokens by the panel. Tiles of sums are those of y if all their outputs exist.
static void multiply_panel(panels *p, const vd_matmul *op, vd_range rows, vd_range outputs,
                           int64_t columns, int first) {
    for (int64_t m = rows.begin; m < rows.end; m += TILE_TOKENS) {
        vd_range tile = {m, vd_min(m + TILE_TOKENS, rows.end)};
        if (tile.end - m == TILE_TOKENS && outputs.end - outputs.begin >= GROUPS * VD_PACK_ROWS) {
            multiply_tiles(p, m - rows.begin, columns, op->y + m * op->N + outputs.begin, op->N * 4,
                           first);
            continue;
        }
        if (!first) {
            copy_sums(p, op, tile, outputs, 0);
        }
        multiply_tiles(p, m - rows.begin, columns, p->sums[0][0], sizeof p->sums[0], first);
        copy_sums(p, op, tile, outputs, 1);
    }
}

// Multiplies at most TOKENS rows.
VD_INLINE void multiply_rows(const int type, const vd_matmul *op, vd_range rows, vd_range outputs,
                             panels *p) {
    for (int64_t k = 0; k < op->K; k += COLUMNS) {
        int64_t columns = vd_min(op->K - k, COLUMNS);
        convert_tokens(op, rows, k, columns, p);
        for (int64_t n = outputs.begin; n < outputs.end; n += GROUPS * VD_PACK_ROWS) {
            for (int64_t g = 0; g < GROUPS && n + g * VD_PACK_ROWS < outputs.end; g++) {
                int64_t first = n + g * VD_PACK_ROWS;
                if (vd_is_quantized(type)) {
                    expand_group(type, op, first / VD_PACK_ROWS, k, columns, p->weights[g]);
                } else {
                    expand_rows(type, op, first, outputs.end, k, columns, p->weights[g]);
                }
            }
            multiply_panel(p, op, rows, (vd_range){n, outputs.end}, columns, k == 0);
        }
    }
}

VD_INLINE void product(const int type, const vd_matmul *op, vd_range rows, vd_range units,
                       panels *p) {
    const int64_t unit = vd_is_quantized(type) ? VD_PACK_ROWS : 1;
    vd_range outputs = {units.begin * unit, vd_min(units.end * unit, op->N)};
    amx_configure(&tiles);
    for (int64_t m = rows.begin; m < rows.end; m += TOKENS) {
        multiply_rows(type, op, (vd_range){m, vd_min(m + TOKENS, rows.end)}, outputs, p);
    }
    amx_release();
}

#define VD_KERNEL(TYPE, name)                                                                 \
    void vd_matmul_bf16_##name##_amx_bf16(const vd_matmul *op, vd_range rows, vd_range units, \
                                          void *memory) {                                     \
        if (rows.end - rows.begin <= FEW_TOKENS) {                                            \
            vd_matmul_bf16_##name##_avx512_vnni(op, rows, units, memory);                     \
            return;                                                                           \
        }                                                                                     \
        product(VD_##TYPE, op, rows, units, memory);                                          \
    }
#define VD_FLOAT_TYPE(TYPE, name, bytes) VD_KERNEL(TYPE, name)
#define VD_BLOCK_TYPE(TYPE, name, ...) VD_KERNEL(TYPE, name)
#include "types/types.inc"

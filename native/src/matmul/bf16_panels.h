// Panels of bf16 for kernels that multiply pairs of them: factors are rounded to bf16, and their
// products summed in f32 over 512 columns, then added to y.
//
// A panel of 384 tokens is multiplied by panels of 32 outputs. Two adjacent columns of 16 outputs
// fill a register, an operand of vdpbf16ps; 16 such registers are a B tile of AMX. An output adds
// its columns in ascending order, independently of the tokens and outputs that are computed with
// it.
//
// The includer must define add_products and TILE_TOKENS, which divides VD_FAST_ROWS.
#ifndef VD_MATMUL_BF16_PANELS_H
#define VD_MATMUL_BF16_PANELS_H

#include <assert.h>
#include <stdalign.h>
#include <string.h>

#include "matmul/matmul.h"
#include "simd/part_v16.h"
#include "types/types.h"

enum {
    PANEL_COLUMNS = 512,
    PANEL_GROUPS = 2,                         // of 16 outputs
    TOKEN_STRIDE = PANEL_COLUMNS + VD_BLOCK,  // padded, so that rows map to different cache sets
    TILE_TOKENS_MAX = 32,
};

// A worker's scratch memory. Columns after K are zero up to a multiple of 32, tokens after the last
// one up to a multiple of TILE_TOKENS.
typedef struct bf16_panels {
    alignas(64) uint16_t tokens[VD_FAST_ROWS][TOKEN_STRIDE];
    uint16_t weights[PANEL_GROUPS][PANEL_COLUMNS / 2][2 * VD_PACK_ROWS];
    float sums[TILE_TOKENS_MAX][PANEL_GROUPS][VD_PACK_ROWS];
} bf16_panels;

static_assert(sizeof(bf16_panels) <= VD_SCRATCH_BYTES, "panels fit a worker's scratch memory");

// Sets p->sums to the products of TILE_TOKENS tokens from m on with all outputs of the panel.
static void add_products(bf16_panels *p, int64_t m, int64_t columns);

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

// Converts columns of a token from f32.
VD_INLINE void expand_floats(const float *x, int64_t columns, uint16_t *to) {
    for (int64_t c = 0; c < columns; c += VD_BLOCK) {
        int64_t left = columns - c;
        f32x16 low = f32x16_load_up_to(x + c, left);
        f32x16 high = left > 16 ? f32x16_load_up_to(x + c + 16, left - 16) : f32x16_zero();
        _mm512_store_si512(to + c, to_bf16(low, high));
    }
}

// Zeroes the tokens from `tokens` up to a multiple of TILE_TOKENS.
VD_INLINE void pad_tokens(bf16_panels *p, int64_t tokens) {
    int64_t padded = vd_ceil_div(tokens, TILE_TOKENS) * TILE_TOKENS;
    for (int64_t m = tokens; m < padded; m++) {
        memset(p->tokens[m], 0, sizeof p->tokens[m]);
    }
}

// Adds the sums of a tile to y [rows, width], or stores them for the first panel of columns.
VD_INLINE void add_sums(const bf16_panels *p, float *y, int64_t width, vd_range rows,
                        vd_range outputs, int first) {
    for (int g = 0; g < PANEL_GROUPS && outputs.begin + g * VD_PACK_ROWS < outputs.end; g++) {
        int64_t n = outputs.begin + g * VD_PACK_ROWS;
        int64_t left = outputs.end - n;
        __mmask16 mask = left < VD_PACK_ROWS ? f32x16_mask(left) : (__mmask16)-1;
        for (int64_t m = rows.begin; m < rows.end; m++) {
            float *to = y + m * width + n;
            f32x16 sums = f32x16_load(p->sums[m - rows.begin][g]);
            sums = first ? sums : f32x16_add(_mm512_maskz_loadu_ps(mask, to), sums);
            _mm512_mask_storeu_ps(to, mask, sums);
        }
    }
}

// Adds the products of tokens `rows` with a panel of outputs to y [rows, width].
VD_INLINE void multiply_tokens(bf16_panels *p, int64_t columns, float *y, int64_t width,
                               vd_range rows, vd_range outputs, int first) {
    for (int64_t m = 0; m < rows.end - rows.begin; m += TILE_TOKENS) {
        vd_range tile = {rows.begin + m, vd_min(rows.begin + m + TILE_TOKENS, rows.end)};
        add_products(p, m, columns);
        add_sums(p, y, width, tile, outputs, first);
    }
}

#endif

// Products of panels by AVX-512 BF16: 8 tokens x 32 outputs in registers.
#ifndef VD_MATMUL_PRODUCTS_AVX512_BF16_H
#define VD_MATMUL_PRODUCTS_AVX512_BF16_H

#include "simd/v16_avx512.h"
// v16 and the size of a tile first: the panels are written over them.
enum { TILE_TOKENS = 8 };
#include "matmul/bf16_panels.h"

static void add_products(bf16_panels *p, int64_t m, int64_t columns) {
    v16 acc[TILE_TOKENS][PANEL_GROUPS];
    for (int i = 0; i < TILE_TOKENS; i++) {
        for (int g = 0; g < PANEL_GROUPS; g++) {
            acc[i][g] = v16_zero();
        }
    }
    for (int64_t pair = 0; pair < (columns + 1) / 2; pair++) {
        __m512bh w[PANEL_GROUPS];
        for (int g = 0; g < PANEL_GROUPS; g++) {
            w[g] = (__m512bh)_mm512_load_si512(p->weights[g][pair]);
        }
        for (int i = 0; i < TILE_TOKENS; i++) {
            int32_t both;
            memcpy(&both, p->tokens[m + i] + 2 * pair, sizeof both);
            __m512bh x = (__m512bh)v16i_splat(both);
            for (int g = 0; g < PANEL_GROUPS; g++) {
                acc[i][g] = _mm512_dpbf16_ps(acc[i][g], x, w[g]);
            }
        }
    }
    for (int i = 0; i < TILE_TOKENS; i++) {
        for (int g = 0; g < PANEL_GROUPS; g++) {
            v16_store(p->sums[i][g], acc[i][g]);
        }
    }
}

#endif

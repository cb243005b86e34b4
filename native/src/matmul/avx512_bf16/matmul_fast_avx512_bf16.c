// Fast matmul for AVX-512 BF16: 8 tokens x 32 outputs in registers over a panel. Quantized weights
// have no such kernel: their int8 products are twice as fast.
#include "simd/v16_avx512.h"
// The vector types and the tile size come first: the panels use them.
enum { TILE_TOKENS = 8 };
#include "matmul/bf16_panels.h"

static void add_products(bf16_panels *p, int64_t m, int64_t columns) {
    f32x16 acc[TILE_TOKENS][PANEL_GROUPS];
    for (int i = 0; i < TILE_TOKENS; i++) {
        for (int g = 0; g < PANEL_GROUPS; g++) {
            acc[i][g] = f32x16_zero();
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
            __m512bh x = (__m512bh)i32x16_splat(both);
            for (int g = 0; g < PANEL_GROUPS; g++) {
                acc[i][g] = _mm512_dpbf16_ps(acc[i][g], x, w[g]);
            }
        }
    }
    for (int i = 0; i < TILE_TOKENS; i++) {
        for (int g = 0; g < PANEL_GROUPS; g++) {
            f32x16_store(p->sums[i][g], acc[i][g]);
        }
    }
}

// The products come first: the loops below use them.
#include "matmul/matmul_fast.h"

void vd_matmul_fast_f16_avx512_bf16(const vd_matmul *op, vd_range rows, vd_range outputs,
                                    void *scratch) {
    multiply_panels(VD_F16, op, rows, outputs, scratch);
}

void vd_matmul_fast_bf16_avx512_bf16(const vd_matmul *op, vd_range rows, vd_range outputs,
                                     void *scratch) {
    multiply_panels(VD_BF16, op, rows, outputs, scratch);
}

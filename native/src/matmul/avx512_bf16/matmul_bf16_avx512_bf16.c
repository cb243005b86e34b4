// Matmul in bf16 for AVX-512 BF16. vdpbf16ps is two fma, of the upper and then of the lower bf16 of
// a pair, each rounded to nearest even. With columns c and c + 2 in a pair it continues the chain
// over the even or the odd columns that docs/numerics.md defines, at twice the speed of fma.
//
// One or two tokens multiply packed weights as they are converted, more tokens a panel.
#include "simd/v16_avx512.h"
// The vector types come first: the loaders of blocks use them.
enum { COLUMNS = 256, GROUPS = 2, TILE_TOKENS = 6, FEW_TOKENS = 2 };
#define PAIR_LOW(i) ((i) + 2)
#define PAIR_HIGH(i) (i)
#include "matmul/bf16_pairs.h"
#include "matmul/weight_prefetch.h"

VD_INLINE __m512i splat_pair(const uint16_t *x) {
    int32_t pair;
    memcpy(&pair, x, sizeof pair);
    return _mm512_set1_epi32(pair);
}

VD_INLINE f32x16 add_pairs(f32x16 sum, __m512i x, __m512i w) {
    return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)w);
}

typedef f32x16 tile_sums[2][TILE_TOKENS][GROUPS];  // of even and odd columns

// Adds the products of M tokens with the panel's columns to y, or sets y if they are the first.
VD_INLINE void multiply_tile(const int M, const uint16_t *x, int64_t stride, const panels *p,
                             int64_t columns, outputs_at at, int first) {
    alignas(64) float acc[TILE_TOKENS][WIDTH];
    load_outputs(M, at, first, acc);
    for (int64_t c = 0; c < columns; c += VD_BLOCK) {
        tile_sums sum;
        for (int m = 0; m < M; m++) {
            for (int g = 0; g < GROUPS; g++) {
                sum[0][m][g] = sum[1][m][g] = f32x16_zero();
            }
        }
        for (int pair = 0; pair < VD_BLOCK / 2; pair += 2) {
#pragma GCC unroll 2
            for (int i = 0; i < 2; i++) {
                __m512i w[GROUPS];
                for (int g = 0; g < GROUPS; g++) {
                    w[g] = _mm512_load_si512(p->weights[g][c / 2 + pair + i]);
                }
                for (int m = 0; m < M; m++) {
                    __m512i values = splat_pair(x + m * stride + c + 2 * (pair + i));
                    for (int g = 0; g < GROUPS; g++) {
                        sum[i][m][g] = add_pairs(sum[i][m][g], values, w[g]);
                    }
                }
            }
        }
        for (int m = 0; m < M; m++) {
            for (int g = 0; g < GROUPS; g++) {
                float *to = acc[m] + 16 * g;
                f32x16 both = f32x16_add(sum[0][m][g], sum[1][m][g]);
                f32x16_store(to, f32x16_add(f32x16_load(to), both));
            }
        }
    }
    store_outputs(M, at, acc);
}

// ---- few tokens --------------------------------------------------------------------------------

// Computes 16 outputs of M tokens with packed weights.
VD_INLINE void multiply_group(const int type, const int M, const vd_matmul *op, const tokens *t,
                              int64_t m0, int64_t g, vd_prefetcher *prefetcher) {
    const int quads = vd_block_layout_of(type).sub_block / 4;
    vd_packed_at at = vd_packed_at_column(type, op, g, 0);
    f32x16 acc[FEW_TOKENS];
    for (int m = 0; m < M; m++) {
        acc[m] = f32x16_zero();
    }
    for (int64_t k = 0; k < op->K; k += VD_BLOCK) {
        vd_prefetch_next(prefetcher, vd_column_bytes(type));
        f32x16 sum[2][FEW_TOKENS];
        for (int m = 0; m < M; m++) {
            sum[0][m] = sum[1][m] = f32x16_zero();
        }
        factors_at f;
#pragma GCC unroll 8
        for (int q = 0; q < 8; q++) {
            if (q % quads == 0) {
                f = load_factors(type, at.factors, at.j + q / quads);
            }
            four_columns four = load_columns(type, at.columns, q);
#pragma GCC unroll 2
            for (int i = 0; i < 2; i++) {
                __m512i w = pair_of(type, four, q, i, f);
                for (int m = 0; m < M; m++) {
                    __m512i x = splat_pair(t->x + m * t->stride + k + 4 * q + 2 * i);
                    sum[i][m] = add_pairs(sum[i][m], x, w);
                }
            }
        }
        vd_next_columns(type, &at);
        for (int m = 0; m < M; m++) {
            acc[m] = f32x16_add(acc[m], f32x16_add(sum[0][m], sum[1][m]));
        }
    }
    for (int m = 0; m < M; m++) {
        float *y = op->y + (m0 + m) * op->N + g * VD_PACK_ROWS;
        f32x16_store_up_to(y, acc[m], op->N - g * VD_PACK_ROWS);
    }
}

// ---- kernels -----------------------------------------------------------------------------------

// The tiles and groups come first: the loops use them.
#include "matmul/bf16_product.h"

#define VD_KERNEL(TYPE, name)                                                                    \
    void vd_matmul_bf16_##name##_avx512_bf16(const vd_matmul *op, vd_range rows, vd_range units, \
                                             void *memory) {                                     \
        product(VD_##TYPE, op, rows, units, memory);                                             \
    }
#define VD_FLOAT_TYPE(TYPE, name, bytes) VD_KERNEL(TYPE, name)
#define VD_BLOCK_TYPE(TYPE, name, ...) VD_KERNEL(TYPE, name)
#include "types/types.inc"

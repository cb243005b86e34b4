// The arithmetic of quantized matmul: a register tile of M tokens and N groups of 16 outputs, over
// 32 columns at a time. Integer sums span one sub-block, float sums the whole row. blocks_v16.h has
// the loaders of the types.
#ifndef VD_MATMUL_TILE_V16_H
#define VD_MATMUL_TILE_V16_H

#include "matmul/blocks_v16.h"
#include "matmul/matmul.h"
#include "matmul/weight_prefetch.h"
#include "simd/part_v16.h"
#include "types/types.h"

enum { VD_GROUPS_MAX = VD_FEW_GROUPS > VD_TILE_GROUPS ? VD_FEW_GROUPS : VD_TILE_GROUPS };

typedef f32x16 vd_sums[VD_TILE_TOKENS][VD_GROUPS_MAX];
typedef i32x16 vd_int_sums[VD_TILE_TOKENS][VD_GROUPS_MAX];

// The next 32 activations of the tile's first token; those of token m are m rows of K further.
typedef struct vd_activations_at {
    const int8_t *q;
    const float *scale;
    const int32_t *sum;
    const float *scaled_sum;
    int64_t K;
} vd_activations_at;

VD_INLINE vd_activations_at vd_activations(const vd_quantized *xq, int64_t K, int64_t m,
                                           int64_t k) {
    int64_t at = m * K + k;
    return (vd_activations_at){.q = xq->q + at,
                               .scale = xq->scale + at / VD_BLOCK,
                               .sum = xq->sum + at / VD_SUM_BLOCK,
                               .scaled_sum = xq->scaled_sum + at / VD_BLOCK,
                               .K = K};
}

VD_INLINE void vd_next_activations(vd_activations_at *x) {
    x->q += VD_BLOCK;
    x->scale++;
    x->sum += VD_BLOCK / VD_SUM_BLOCK;
    x->scaled_sum++;
}

// Returns the sums of token m.
VD_INLINE vd_block_sums vd_sums_of(const vd_activations_at *x, int m) {
    int64_t block = m * (x->K / VD_BLOCK);
    return (vd_block_sums){x->sum + block * (VD_BLOCK / VD_SUM_BLOCK), x->scale[block],
                           x->scaled_sum[block]};
}

// Computes the sums of w · q over sub-block s of the 32 columns.
VD_INLINE void vd_multiply_sub_block(const int type, const int M, const int N,
                                     const uint8_t *const *columns, int s,
                                     const vd_activations_at *x, vd_int_sums sum) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const int quads = layout.sub_block / 4;
    const int fits = i8x64_partial_columns(vd_max_column(type));
    const int partial_quads = fits < quads ? fits : quads;
    for (int m = 0; m < M; m++) {
        i32x16 start =
            i32x16_splat(-vd_bias(type) * vd_sub_block_sum(layout.sub_block, vd_sums_of(x, m), s));
        for (int n = 0; n < N; n++) {
            sum[m][n] = start;
        }
    }
#pragma GCC unroll 8
    for (int first = s * quads; first < (s + 1) * quads; first += partial_quads) {
        vd_int_sums partial;
        for (int m = 0; m < M; m++) {
            for (int n = 0; n < N; n++) {
                partial[m][n] = i8x64_begin_partial(sum[m][n]);
            }
        }
#pragma GCC unroll 8
        for (int k = first; k < first + partial_quads; k++) {
            i8x64 column[VD_GROUPS_MAX];
            for (int n = 0; n < N; n++) {
                column[n] = vd_columns(type, columns[n], k);
            }
            for (int m = 0; m < M; m++) {
                const int8_t *a = x->q + m * x->K + 4 * k;
                for (int n = 0; n < N; n++) {
                    partial[m][n] = vd_dot(type, partial[m][n], column[n], a);
                }
            }
        }
        for (int m = 0; m < M; m++) {
            for (int n = 0; n < N; n++) {
                sum[m][n] = i8x64_end_partial(sum[m][n], partial[m][n]);
            }
        }
    }
}

// Adds the sums of sub-block s times its scales, and its minima, to the sums of group n.
VD_INLINE void vd_add_sub_block(const int type, const int M, const int n, f32x16 scale,
                                f32x16 minimum, int s, const vd_activations_at *x,
                                const vd_int_sums sum, vd_sums acc) {
    const vd_block_layout layout = vd_block_layout_of(type);
    for (int m = 0; m < M; m++) {
        f32x16 product = f32x16_mul(scale, f32x16_splat(x->scale[m * (x->K / VD_BLOCK)]));
        acc[m][n] = f32x16_fma(f32x16_from_int(sum[m][n]), product, acc[m][n]);
        if (layout.minima) {
            f32x16 scaled_sum =
                f32x16_splat(vd_sub_block_scaled_sum(layout.sub_block, vd_sums_of(x, m), s));
            acc[m][n] = f32x16_fma(minimum, scaled_sum, acc[m][n]);
        }
    }
}

// Adds sub-block s of 32 columns. It is sub-block j of the weights' block; the factors of the block
// start at `factors`.
VD_INLINE void vd_add_packed_sub_block(const int type, const int M, const int N,
                                       const uint8_t *const *columns, const uint8_t *const *factors,
                                       int j, int s, const vd_activations_at *x, vd_sums acc) {
    vd_int_sums sum;
    vd_multiply_sub_block(type, M, N, columns, s, x, sum);
    for (int n = 0; n < N; n++) {
        const int minima = vd_block_layout_of(type).minima;
        f32x16 minimum = minima ? vd_minima(type, factors[n], j) : f32x16_zero();
        vd_add_sub_block(type, M, n, vd_scales(type, factors[n], j), minimum, s, x, sum, acc);
    }
}

// Adds 32 columns, starting with sub-block j.
VD_INLINE void vd_add_packed_columns(const int type, const int M, const int N,
                                     const uint8_t *const *columns, const uint8_t *const *factors,
                                     int j, const vd_activations_at *x, vd_sums acc) {
    vd_add_packed_sub_block(type, M, N, columns, factors, j, 0, x, acc);
    if (vd_block_layout_of(type).sub_block < VD_BLOCK) {
        vd_add_packed_sub_block(type, M, N, columns, factors, j + 1, 1, x, acc);
    }
}

// Returns the number of tiles: tokens are divided into tiles of nearly equal size, most of them
// full.
VD_INLINE int64_t vd_token_tiles(vd_range rows) {
    return vd_ceil_div(rows.end - rows.begin, VD_TILE_TOKENS);
}

// Returns whether more than VD_FEW_TOKENS tokens may leave a tile of M.
VD_INLINE int vd_is_tile(const int M) {
    return M <= VD_TILE_TOKENS && (M > VD_FEW_TOKENS || M >= (VD_TILE_TOKENS + 1) / 2);
}

VD_INLINE vd_range vd_token_tile(vd_range rows, int64_t i, int64_t tiles) {
    int64_t M = rows.end - rows.begin;
    return (vd_range){rows.begin + M * i / tiles, rows.begin + M * (i + 1) / tiles};
}

// Starts with zeros, or with the sums that vd_store_sums has stored. Prefetches outputs that are
// not loaded: stores that wait for memory would fill the store buffer, which the next tile needs.
VD_INLINE void vd_begin_sums(const int M, const int N, const vd_matmul *op, int64_t m0,
                             vd_range groups, int stored, vd_sums acc) {
    for (int n = 0; n < N; n++) {
        int64_t first = vd_min(groups.begin + n, groups.end - 1) * VD_PACK_ROWS;
        for (int m = 0; m < M; m++) {
            const float *y = op->y + (m0 + m) * op->N + first;
            if (stored) {
                acc[m][n] = f32x16_load_up_to(y, op->N - first);
            } else {
                vd_prefetch_near(y, VD_PACK_ROWS * (int64_t)sizeof *y);
                acc[m][n] = f32x16_zero();
            }
        }
    }
}

// Stores the sums of M tokens and those of the N groups that exist.
VD_INLINE void vd_store_sums(const int M, const int N, const vd_matmul *op, int64_t m0,
                             vd_range groups, vd_sums acc) {
    for (int n = 0; n < N && groups.begin + n < groups.end; n++) {
        int64_t first = (groups.begin + n) * VD_PACK_ROWS;
        for (int m = 0; m < M; m++) {
            f32x16_store_up_to(op->y + (m0 + m) * op->N + first, acc[m][n], op->N - first);
        }
    }
}

#endif

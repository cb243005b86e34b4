// Quantized matmul over 16 lanes, which are 16 outputs. A register tile of tokens and groups runs
// over all of K: integer sums live for one sub-block, float sums for the whole row. The loop is the
// same for every type; what a type brings is in blocks_v16.h.
#include "core/types.h"
#include "matmul/blocks_v16.h"
#include "matmul/matmul.h"

// The sum of the activations that meet sub-block s of 32 columns.
VD_INLINE int32_t activation_sum(const vd_block_layout layout, const vd_quantized *xq, int64_t at,
                                 int s) {
    const int32_t *sum = xq->sum + at * (VD_BLOCK / VD_SUM_BLOCK);
    return layout.sub_block == VD_BLOCK ? sum[0] + sum[1] : sum[s];
}

// Adds 32 columns to the float sums of M tokens and N groups: one sub-block or two, from sub-block
// j of the weights' block on.
VD_INLINE void add_columns(const int type, const int M, const int N, const uint8_t *const *quants,
                           const uint8_t *const *factors, int j, const vd_quantized *xq,
                           const int64_t *at, v16 acc[VD_TILE_TOKENS][VD_TILE_GROUPS]) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const int quads = layout.sub_block / 4;
#pragma GCC unroll 2
    for (int s = 0; s < VD_BLOCK / layout.sub_block; s++) {
        v16i sum[VD_TILE_TOKENS][VD_TILE_GROUPS];
        for (int m = 0; m < M; m++) {
            v16i start = v16i_splat(-vd_bias(type) * activation_sum(layout, xq, at[m], s));
            for (int n = 0; n < N; n++) {
                sum[m][n] = start;
            }
        }
#pragma GCC unroll 8
        for (int k = s * quads; k < (s + 1) * quads; k++) {
            v64 w[VD_TILE_GROUPS];
            for (int n = 0; n < N; n++) {
                w[n] = vd_columns(type, quants[n], k);
            }
            for (int m = 0; m < M; m++) {
                const int8_t *a = xq->q + at[m] * VD_BLOCK + 4 * k;
                for (int n = 0; n < N; n++) {
                    sum[m][n] = vd_dot(type, sum[m][n], w[n], a);
                }
            }
        }
        for (int n = 0; n < N; n++) {
            v16 scale = vd_scale(type, factors[n], j + s);
            v16 minimum = layout.minima ? vd_minimum(type, factors[n], j + s) : v16_zero();
            for (int m = 0; m < M; m++) {
                v16 product = v16_mul(scale, v16_splat(xq->scale[at[m]]));
                acc[m][n] = v16_fma(v16_from_int(sum[m][n]), product, acc[m][n]);
                if (layout.minima) {
                    float scaled_sum =
                        layout.sub_block == VD_BLOCK
                            ? xq->scaled_sum[at[m]]
                            : xq->scale[at[m]] * (float)activation_sum(layout, xq, at[m], s);
                    acc[m][n] = v16_fma(minimum, v16_splat(scaled_sum), acc[m][n]);
                }
            }
        }
    }
}

// Outputs of tokens [m, m + M) and groups [g, g + N).
VD_INLINE void tile(const int type, const int M, const int N, const vd_matmul *op, int64_t m0,
                    int64_t g) {
    const vd_block_layout layout = vd_block_layout_of(type);
    int64_t blocks = op->K / VD_BLOCK;
    int64_t weight_blocks = op->K / layout.elements;
    const uint8_t *quants[VD_TILE_GROUPS];
    const uint8_t *factors[VD_TILE_GROUPS];
    for (int n = 0; n < N; n++) {
        quants[n] = (const uint8_t *)op->weights + (g + n) * vd_packed_group_bytes(type, op->K);
        factors[n] = quants[n] + vd_packed_factors(type, op->K);
    }
    int64_t at[VD_TILE_TOKENS];  // the block of activations of each token
    v16 acc[VD_TILE_TOKENS][VD_TILE_GROUPS];
    for (int m = 0; m < M; m++) {
        at[m] = (m0 + m) * blocks;
        for (int n = 0; n < N; n++) {
            acc[m][n] = v16_zero();
        }
    }
    for (int64_t b = 0; b < weight_blocks; b++) {
        for (int j = 0; j < layout.elements / layout.sub_block; j += VD_BLOCK / layout.sub_block) {
            add_columns(type, M, N, quants, factors, j, &op->xq, at, acc);
            for (int n = 0; n < N; n++) {
                quants[n] += VD_UNIT_BYTES * vd_code_bits(type);
            }
            for (int m = 0; m < M; m++) {
                at[m]++;
            }
        }
        for (int n = 0; n < N; n++) {
            factors[n] += VD_PACK_ROWS * layout.factor_bytes;
        }
    }
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < N; n++) {
            int64_t first = (g + n) * VD_PACK_ROWS;
            float *y = op->y + (m0 + m) * op->N + first;
            if (first + VD_PACK_ROWS <= op->N) {
                v16_store(y, acc[m][n]);
            } else {
                v16_store_part(y, acc[m][n], op->N - first);
            }
        }
    }
}

// All tokens for N groups: whole tiles, then the rest in one smaller tile.
VD_INLINE void sweep(const int type, const int N, const vd_matmul *op, vd_range rows, int64_t g) {
    int64_t m = rows.begin;
    for (; m + VD_TILE_TOKENS <= rows.end; m += VD_TILE_TOKENS) {
        tile(type, VD_TILE_TOKENS, N, op, m, g);
    }
    int64_t rest = rows.end - m;
    if (VD_TILE_TOKENS > 5 && rest == 5) {
        tile(type, 5, N, op, m, g);
    } else if (VD_TILE_TOKENS > 4 && rest == 4) {
        tile(type, 4, N, op, m, g);
    } else if (VD_TILE_TOKENS > 3 && rest == 3) {
        tile(type, 3, N, op, m, g);
    } else if (VD_TILE_TOKENS > 2 && rest == 2) {
        tile(type, 2, N, op, m, g);
    } else if (rest == 1) {
        tile(type, 1, N, op, m, g);
    }
}

VD_INLINE void product(const int type, const vd_matmul *op, vd_range rows, vd_range groups) {
    int64_t g = groups.begin;
    for (; g + VD_TILE_GROUPS <= groups.end; g += VD_TILE_GROUPS) {
        sweep(type, VD_TILE_GROUPS, op, rows, g);
    }
    for (; g < groups.end; g++) {
        sweep(type, 1, op, rows, g);
    }
}

void VD_NAME(vd_matmul_q4_0)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_Q4_0, op, rows, units);
}

void VD_NAME(vd_matmul_q4_1)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_Q4_1, op, rows, units);
}

void VD_NAME(vd_matmul_q8_0)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_Q8_0, op, rows, units);
}

// Quantized matmul over 16 lanes, which are 16 outputs: tiles of tokens and groups over all of K.
//
// Memory sets the pace for few tokens. A group's loads do not keep enough of it under way, and the
// hardware's streams start anew with each group, so every tile fetches the next one (vd_prefetch).
// A few kilobytes of distance are not enough for that.
#include "matmul/matmul_tile_v16.h"

// Outputs of tokens [m0, m0 + M) and of the groups [g, g + N) that lie before `end`. In place of
// the others the last one is computed again.
VD_INLINE void packed_tile(const int type, const int M, const int N, const vd_matmul *op,
                           int64_t m0, int64_t g, int64_t end, const uint8_t *ahead) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const int sub_blocks = VD_BLOCK / layout.sub_block;
    int64_t groups = end - g < N ? end - g : N;
    vd_weights_at w;
    for (int n = 0; n < N; n++) {
        int64_t group = g + (n < groups ? n : groups - 1);
        w.columns[n] = (const uint8_t *)op->weights + group * vd_packed_group_bytes(type, op->K);
        w.factors[n] = w.columns[n] + vd_packed_factors(type, op->K);
    }
    vd_activations_at x = vd_activations(&op->xq, op->K, m0, 0);
    vd_sums acc;
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < N; n++) {
            acc[m][n] = v16_zero();
        }
    }
    for (int64_t k = 0; k < op->K; k += layout.elements) {
        for (int j = 0; j < layout.elements / layout.sub_block; j += sub_blocks) {
            ahead = vd_prefetch(type, N, ahead);
            vd_add_columns(type, M, N, &w, j, &x, acc);
            for (int n = 0; n < N; n++) {
                w.columns[n] += VD_UNIT_BYTES * vd_code_bits(type);
            }
            vd_next_activations(&x);
        }
        for (int n = 0; n < N; n++) {
            w.factors[n] += VD_PACK_ROWS * layout.factor_bytes;
        }
    }
    vd_store_sums(M, N, op, m0, g, groups, acc);
}

// The next groups, unless they are more than should wait in the second-level cache: long groups are
// streams that the hardware fetches well by itself.
VD_INLINE const uint8_t *after_groups(const int type, const int N, const vd_matmul *op, int64_t g,
                                      int64_t end) {
    int64_t group_bytes = vd_packed_group_bytes(type, op->K);
    int fetch = g + N < end && N * group_bytes <= VD_AHEAD_BYTES;
    return fetch ? (const uint8_t *)op->weights + (g + N) * group_bytes : NULL;
}

// At most VD_FEW_TOKENS tokens: one tile of tokens.
VD_INLINE void few_tokens(const int type, const int M, const vd_matmul *op, vd_range rows,
                          vd_range units) {
    for (int64_t g = units.begin; g < units.end; g += VD_FEW_GROUPS) {
        packed_tile(type, M, VD_FEW_GROUPS, op, rows.begin, g, units.end,
                    after_groups(type, VD_FEW_GROUPS, op, g, units.end));
    }
}

VD_INLINE void some_tokens(const int type, const vd_matmul *op, vd_range rows, vd_range units) {
    const int N = VD_TILE_GROUPS;
    int64_t tiles = vd_token_tiles(rows);
    for (int64_t g = units.begin; g < units.end; g += N) {
        const uint8_t *ahead = after_groups(type, N, op, g, units.end);
        for (int64_t i = 0; i < tiles; i++) {
            vd_range tile = vd_token_tile(rows, i, tiles);
            int64_t M = tile.end - tile.begin;
            if (M == VD_TILE_TOKENS) {
                packed_tile(type, VD_TILE_TOKENS, N, op, tile.begin, g, units.end, ahead);
            } else if (vd_is_part_tile(5) && M == 5) {
                packed_tile(type, 5, N, op, tile.begin, g, units.end, ahead);
            } else if (vd_is_part_tile(4) && M == 4) {
                packed_tile(type, 4, N, op, tile.begin, g, units.end, ahead);
            } else if (vd_is_part_tile(3) && M == 3) {
                packed_tile(type, 3, N, op, tile.begin, g, units.end, ahead);
            } else if (vd_is_part_tile(2) && M == 2) {
                packed_tile(type, 2, N, op, tile.begin, g, units.end, ahead);
            } else if (vd_is_part_tile(1) && M == 1) {
                packed_tile(type, 1, N, op, tile.begin, g, units.end, ahead);
            }
            ahead = NULL;
        }
    }
}

VD_INLINE void product(const int type, const vd_matmul *op, vd_range rows, vd_range units) {
    int64_t M = rows.end - rows.begin;
    if (M > VD_FEW_TOKENS) {
        some_tokens(type, op, rows, units);
    } else if (VD_FEW_TOKENS > 1 && M == 2) {
        few_tokens(type, 2, op, rows, units);
    } else if (M == 1) {
        few_tokens(type, 1, op, rows, units);
    }
}

void VD_NAME(vd_matmul_q4_0)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_Q4_0, op, rows, units);
}

void VD_NAME(vd_matmul_q4_1)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_Q4_1, op, rows, units);
}

void VD_NAME(vd_matmul_q5_0)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_Q5_0, op, rows, units);
}

void VD_NAME(vd_matmul_q5_1)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_Q5_1, op, rows, units);
}

void VD_NAME(vd_matmul_q8_0)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_Q8_0, op, rows, units);
}

void VD_NAME(vd_matmul_q2_k)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_Q2_K, op, rows, units);
}

void VD_NAME(vd_matmul_q3_k)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_Q3_K, op, rows, units);
}

void VD_NAME(vd_matmul_q4_k)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_Q4_K, op, rows, units);
}

void VD_NAME(vd_matmul_q5_k)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_Q5_K, op, rows, units);
}

void VD_NAME(vd_matmul_q6_k)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_Q6_K, op, rows, units);
}

void VD_NAME(vd_matmul_iq4_nl)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_IQ4_NL, op, rows, units);
}

void VD_NAME(vd_matmul_mxfp4)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_MXFP4, op, rows, units);
}

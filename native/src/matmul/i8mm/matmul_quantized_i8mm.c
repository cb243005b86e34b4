// Quantized matmul for FEAT_I8MM. Its smmla multiplies 2 tokens x 8 columns by 8 columns x 2 rows.
// Pairs of tokens run over all of K like the tiles of matmul_quantized_v16.h; integer and float
// sums stay in the order of smmla and are rearranged once, at the end. A remaining token and parts
// of K use the dot product kernel. blocks_v16.h has the loaders of the types.
#include "matmul/matmul.h"
#include "simd/v16_dotprod.h"
#include "types/types.h"
// The vector types come first: the loaders use them.
#include "matmul/blocks_v16.h"
#include "simd/part_v16.h"

enum {
    TILE_PAIRS = 2,               // pairs of tokens with integer sums that fill the registers
    ROW_PAIRS = VD_PACK_ROWS / 2  // of a group
};

// A vector of sums holds {token 0, token 0, token 1, token 1} x {row 2i, row 2i + 1}.
typedef int32x4_t pair_sums_int[TILE_PAIRS][ROW_PAIRS];
typedef float32x4_t pair_sums[TILE_PAIRS][ROW_PAIRS];

VD_INLINE int32x4_t pair_of_ints(int32_t x0, int32_t x1) {
    return vcombine_s32(vdup_n_s32(x0), vdup_n_s32(x1));
}
VD_INLINE float32x4_t pair_of_floats(float x0, float x1) {
    return vcombine_f32(vdup_n_f32(x0), vdup_n_f32(x1));
}

VD_INLINE float32x4_t low_halves(float32x4_t x, float32x4_t y) {
    return vcombine_f32(vget_low_f32(x), vget_low_f32(y));
}
VD_INLINE float32x4_t high_halves(float32x4_t x, float32x4_t y) {
    return vcombine_f32(vget_high_f32(x), vget_high_f32(y));
}

// Returns the sums of block `at`.
VD_INLINE vd_block_sums sums_of(const vd_quantized *xq, int64_t at) {
    return (vd_block_sums){xq->sum + at * (VD_BLOCK / VD_SUM_BLOCK), xq->scale[at],
                           xq->scaled_sum[at]};
}

// Duplicates each pair of rows for two tokens.
VD_INLINE void double_rows(f32x16 x, float32x4_t rows[ROW_PAIRS]) {
    rows[0] = low_halves(x.a, x.a);
    rows[1] = high_halves(x.a, x.a);
    rows[2] = low_halves(x.b, x.b);
    rows[3] = high_halves(x.b, x.b);
    rows[4] = low_halves(x.c, x.c);
    rows[5] = high_halves(x.c, x.c);
    rows[6] = low_halves(x.d, x.d);
    rows[7] = high_halves(x.d, x.d);
}

// Combines two units of 4 columns into vectors of 8 columns of two rows.
VD_INLINE int8x16_t first_rows(int8x16_t x, int8x16_t y) {
    return vreinterpretq_s8_s32(vzip1q_s32(vreinterpretq_s32_s8(x), vreinterpretq_s32_s8(y)));
}
VD_INLINE int8x16_t last_rows(int8x16_t x, int8x16_t y) {
    return vreinterpretq_s8_s32(vzip2q_s32(vreinterpretq_s32_s8(x), vreinterpretq_s32_s8(y)));
}
VD_INLINE void eight_columns(i8x64 x, i8x64 y, int8x16_t rows[ROW_PAIRS]) {
    rows[0] = first_rows(x.a, y.a);
    rows[1] = last_rows(x.a, y.a);
    rows[2] = first_rows(x.b, y.b);
    rows[3] = last_rows(x.b, y.b);
    rows[4] = first_rows(x.c, y.c);
    rows[5] = last_rows(x.c, y.c);
    rows[6] = first_rows(x.d, y.d);
    rows[7] = last_rows(x.d, y.d);
}

// Adds sub-block s of 32 columns, which is sub-block j of the weights' block. The activations of
// token t are block at[t] of xq.
VD_INLINE void add_sub_block(const int type, const int P, const uint8_t *quants,
                             const uint8_t *factors, int j, const int s, const vd_quantized *xq,
                             const int64_t *at, pair_sums acc) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const int quads = layout.sub_block / 4;
    pair_sums_int sum;
    for (int p = 0; p < P; p++) {
        int32_t bias = -vd_bias(type);
        int32x4_t start =
            pair_of_ints(bias * vd_sub_block_sum(layout.sub_block, sums_of(xq, at[2 * p]), s),
                         bias * vd_sub_block_sum(layout.sub_block, sums_of(xq, at[2 * p + 1]), s));
#pragma GCC unroll 8
        for (int i = 0; i < ROW_PAIRS; i++) {
            sum[p][i] = start;
        }
    }
#pragma GCC unroll 4
    for (int k = s * quads; k < (s + 1) * quads; k += 2) {
        int8x16_t w[ROW_PAIRS];
        eight_columns(vd_columns(type, quants, k), vd_columns(type, quants, k + 1), w);
#pragma GCC unroll 2
        for (int p = 0; p < P; p++) {
            const int8_t *q0 = xq->q + at[2 * p] * VD_BLOCK + 4 * k;
            const int8_t *q1 = xq->q + at[2 * p + 1] * VD_BLOCK + 4 * k;
            int8x16_t a = vcombine_s8(vld1_s8(q0), vld1_s8(q1));
#pragma GCC unroll 8
            for (int i = 0; i < ROW_PAIRS; i++) {
                sum[p][i] = vmmlaq_s32(sum[p][i], a, w[i]);
            }
        }
    }
    float32x4_t scale[ROW_PAIRS], minimum[ROW_PAIRS];
    double_rows(vd_scales(type, factors, j), scale);
    double_rows(layout.minima ? vd_minima(type, factors, j) : f32x16_zero(), minimum);
#pragma GCC unroll 2
    for (int p = 0; p < P; p++) {
        int64_t t0 = at[2 * p], t1 = at[2 * p + 1];
        float32x4_t a = pair_of_floats(xq->scale[t0], xq->scale[t1]);
        float32x4_t scaled_sum =
            pair_of_floats(vd_sub_block_scaled_sum(layout.sub_block, sums_of(xq, t0), s),
                           vd_sub_block_scaled_sum(layout.sub_block, sums_of(xq, t1), s));
#pragma GCC unroll 8
        for (int i = 0; i < ROW_PAIRS; i++) {
            float32x4_t product = vmulq_f32(scale[i], a);
            acc[p][i] = vfmaq_f32(acc[p][i], vcvtq_f32_s32(sum[p][i]), product);
            if (layout.minima) {
                acc[p][i] = vfmaq_f32(acc[p][i], minimum[i], scaled_sum);
            }
        }
    }
}

VD_INLINE void store(const vd_matmul *op, int64_t m, int64_t first, f32x16 y) {
    f32x16_store_up_to(op->y + m * op->N + first, y, op->N - first);
}

// Computes outputs of P pairs of tokens, from m0 on, and group g.
VD_INLINE void tile(const int type, const int P, const vd_matmul *op, int64_t m0, int64_t g) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const int sub_blocks = VD_BLOCK / layout.sub_block;
    int64_t blocks = op->K / VD_BLOCK;
    const uint8_t *quants = (const uint8_t *)op->weights + g * vd_packed_group_bytes(type, op->K);
    const uint8_t *factors = quants + vd_packed_factors(type, op->K);
    int64_t at[2 * TILE_PAIRS];
    pair_sums acc;
    for (int p = 0; p < P; p++) {
        at[2 * p] = (m0 + 2 * p) * blocks;
        at[2 * p + 1] = at[2 * p] + blocks;
        for (int i = 0; i < ROW_PAIRS; i++) {
            acc[p][i] = vdupq_n_f32(0.0f);
        }
    }
    for (int64_t k = 0; k < op->K; k += layout.elements) {
        for (int j = 0; j < layout.elements / layout.sub_block; j += sub_blocks) {
#pragma GCC unroll 2
            for (int s = 0; s < sub_blocks; s++) {
                add_sub_block(type, P, quants, factors, j + s, s, &op->xq, at, acc);
            }
            quants += VD_UNIT_BYTES * vd_code_bits(type);
            for (int t = 0; t < 2 * P; t++) {
                at[t]++;
            }
        }
        factors += VD_PACK_ROWS * layout.factor_bytes;
    }
    for (int p = 0; p < P; p++) {
        float32x4_t *s = acc[p];
        store(op, m0 + 2 * p, g * VD_PACK_ROWS,
              (f32x16){low_halves(s[0], s[1]), low_halves(s[2], s[3]), low_halves(s[4], s[5]),
                       low_halves(s[6], s[7])});
        store(op, m0 + 2 * p + 1, g * VD_PACK_ROWS,
              (f32x16){high_halves(s[0], s[1]), high_halves(s[2], s[3]), high_halves(s[4], s[5]),
                       high_halves(s[6], s[7])});
    }
}

VD_INLINE void product(const int type, vd_matmul_kernel *by_dot_products, const vd_matmul *op,
                       vd_range rows, vd_range groups, vd_range k) {
    int part = k.end - k.begin < op->K;
    int64_t even = part ? rows.begin : rows.end - (rows.end - rows.begin) % 2;
    for (int64_t g = groups.begin; g < groups.end; g++) {
        int64_t m = rows.begin;
        for (; m + 2 * TILE_PAIRS <= even; m += 2 * TILE_PAIRS) {
            tile(type, TILE_PAIRS, op, m, g);
        }
        for (; m < even; m += 2) {
            tile(type, 1, op, m, g);
        }
    }
    if (even < rows.end) {
        by_dot_products(op, (vd_range){even, rows.end}, groups, k);
    }
}

#define VD_BLOCK_TYPE(TYPE, name, ...)                                                             \
    void vd_matmul_##name##_i8mm(const vd_matmul *op, vd_range rows, vd_range units, vd_range k) { \
        product(VD_##TYPE, vd_matmul_##name##_dotprod, op, rows, units, k);                        \
    }
#include "types/types.inc"

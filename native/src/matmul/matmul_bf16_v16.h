// Matmul in bf16 over 16 lanes, which are 16 outputs. Both operands are converted to floats with
// the value of their bf16, so that one fma per lane and column computes the sums that
// docs/numerics.md defines: in 32 columns a chain over the even and one over the odd columns.
//
// One or two tokens multiply packed weights as they are converted. More tokens are multiplied by a
// panel: 128 columns of one or two groups of 16 outputs, which stay in the L1 cache.
#include <stdalign.h>
#include <string.h>

#include "matmul/integers_v16.h"
#include "matmul/matmul.h"
#include "matmul/weight_prefetch.h"
#include "simd/part_v16.h"
#include "types/types.h"

enum {
    COLUMNS = 128,  // of a panel
    GROUPS = VD_PANEL_WIDTH,
    WIDTH = GROUPS * VD_PACK_ROWS,
    TILE_TOKENS = VD_PANEL_ROWS / 2,  // even and odd columns have sums of their own
    TOKENS = 192,                     // rows of activations that are converted together
    TOKEN_FLOATS = 96 << 10,          // their memory: it stays in the L2 cache
    PAD = 16,  // floats between rows, so that rows map to different cache sets
    FEW_TOKENS = 2,
};

typedef struct panels {
    alignas(64) float x[TOKEN_FLOATS];
    float weights[COLUMNS][WIDTH];
} panels;

// The columns of a group in a panel of outputs.
typedef float (*group_panel)[WIDTH];

VD_INLINE group_panel group_of(panels *p, int g) {
    return (group_panel)(p->weights[0] + g * VD_PACK_ROWS);
}

typedef float token_value;
#include "matmul/bf16_operands.h"

_Static_assert(sizeof(panels) <= VD_PANEL_BYTES, "panels fit a worker's memory");

VD_APART tokens convert_tokens(const vd_matmul *op, vd_range rows, int64_t k, int64_t columns,
                               panels *p) {
    int64_t whole = vd_ceil_div(columns, VD_BLOCK) * VD_BLOCK;
    tokens t = {p->x, whole + PAD, whole};
    for (int64_t m = rows.begin; m < rows.end; m++) {
        const float *from = op->x + m * op->K + k;
        float *to = p->x + (m - rows.begin) * t.stride;
        for (int64_t c = 0; c < t.columns; c += 16) {
            int64_t left = columns - c;
            f32x16 x = left > 0 ? f32x16_load_up_to(from + c, left) : f32x16_zero();
            f32x16_store(to + c, f32x16_round_to_bf16(x));
        }
    }
    return t;
}

// Returns how many columns of `rows` rows fit the memory of tokens.
VD_INLINE int64_t fitting_columns(int64_t rows) {
    return (TOKEN_FLOATS / rows - PAD) / COLUMNS * COLUMNS;
}

// ---- weights -----------------------------------------------------------------------------------

// Rounds to bf16 where |x| < 2^100 and no magnitude but 0 is below 2^-50, by Veltkamp's splitting
// (Boldo 2006, Pitfalls of a Full Floating-Point Proof): the differences leave the 8 leading bits
// of x. For f32 it also resolves ties to even, as test_matmul_bf16 checks for every fraction.
VD_INLINE f32x16 round_moderate(f32x16 x) {
    f32x16 raised = f32x16_mul(x, f32x16_splat(0x1.0001p16f));
    return f32x16_sub(raised, f32x16_sub(raised, x));
}

// The factors of a sub-block: a weight is w * scale, or w * scale + minimum.
typedef struct factors_at {
    f32x16 scale;
    f32x16 negative;  // -scale
    f32x16 raised;    // (2^16 + 1) * scale
    f32x16 minimum;
} factors_at;

VD_INLINE factors_at load_factors(const int type, const uint8_t *factors, int j) {
    const int minima = vd_block_layout_of(type).minima;
    f32x16 scale = vd_scales(type, factors, j);
    return (factors_at){scale, f32x16_negate(scale), f32x16_mul(scale, f32x16_splat(0x1.0001p16f)),
                        minima ? vd_minima(type, factors, j) : f32x16_zero()};
}

// Returns the rounded weights of integers w. A scale has at most 18 bits: for all integers of a
// type, w * raised is close enough to (2^16 + 1) * w * scale (test_matmul_bf16 checks each
// product). Only MXFP4 has scales so small that weights are flushed, or so large that `raised`
// overflows.
VD_INLINE f32x16 round_weights(const int type, f32x16 w, factors_at f) {
    if (type == VD_MXFP4) {
        return f32x16_round_to_bf16(f32x16_mul(w, f.scale));
    }
    if (vd_block_layout_of(type).minima) {
        return round_moderate(f32x16_fma(w, f.scale, f.minimum));
    }
    f32x16 raised = f32x16_mul(w, f.raised);
    return f32x16_sub(raised, f32x16_fma(w, f.negative, raised));
}

// Returns column j of four adjacent ones, rounded.
VD_INLINE f32x16 weights_of(const int type, i8x64 four, int q, int j, factors_at f) {
    return round_weights(type, vd_integers_of(type, four, q, j), f);
}

// Converts columns of a packed group into column n of the panel.
VD_INLINE void expand_group(const int type, const vd_matmul *op, int64_t g, int64_t k,
                            int64_t columns, group_panel to) {
    const int quads = vd_block_layout_of(type).sub_block / 4;
    vd_packed_at at = vd_packed_at_column(type, op, g, k);
    for (int64_t c = 0; c < columns; c += VD_BLOCK) {
        factors_at f;
#pragma GCC unroll 8
        for (int q = 0; q < 8; q++) {
            if (q % quads == 0) {
                f = load_factors(type, at.factors, at.j + q / quads);
            }
            i8x64 four = vd_load_four(type, at.columns, q);
            for (int j = 0; j < 4; j++) {
                f32x16_store(to[c + 4 * q + j], weights_of(type, four, q, j, f));
            }
        }
        vd_next_columns(type, &at);
    }
}

VD_INLINE f32x16 load_row(const int type, const uint8_t *row, int64_t k, int64_t n) {
    if (type == VD_F32) {
        return f32x16_load_up_to((const float *)row + k, n);
    }
    const uint16_t *p = (const uint16_t *)row + k;
    if (type == VD_BF16) {
        return n >= 16 ? f32x16_load_bfloats(p) : f32x16_load_bfloats_part(p, n);
    }
    return n >= 16 ? f32x16_load_halves(p) : f32x16_load_halves_part(p, n);
}

// Converts columns of rows n to n+15 of W, or up to `end`, into the panel.
VD_INLINE void expand_rows(const int type, const vd_matmul *op, int64_t n, int64_t end, int64_t k,
                           int64_t columns, group_panel to) {
    int64_t bytes = vd_row_bytes(type, op->K);
    for (int64_t c = 0; c < columns; c += 16) {
        int64_t left = op->K - k - c;
        f32x16 m[16];
        for (int r = 0; r < 16; r++) {
            const uint8_t *row = (const uint8_t *)op->weights + (n + r) * bytes;
            f32x16 w = n + r < end && left > 0 ? load_row(type, row, k + c, left) : f32x16_zero();
            m[r] = type == VD_F16 ? round_moderate(w) : f32x16_round_to_bf16(w);
        }
        f32x16_transpose(m);
        for (int i = 0; i < 16; i++) {
            f32x16_store(to[c + i], m[i]);
        }
    }
}

// ---- products with a panel ---------------------------------------------------------------------

typedef f32x16 tile_sums[TILE_TOKENS][GROUPS];

VD_INLINE void clear_sums(const int M, tile_sums sum) {
    for (int m = 0; m < M; m++) {
        for (int g = 0; g < GROUPS; g++) {
            sum[m][g] = f32x16_zero();
        }
    }
}

// Adds the products of a column.
VD_INLINE void add_column(const int M, const float *x, int64_t stride, const float *w,
                          tile_sums sum) {
    f32x16 weights[GROUPS];
    for (int g = 0; g < GROUPS; g++) {
        weights[g] = f32x16_load(w + 16 * g);
    }
    for (int m = 0; m < M; m++) {
        f32x16 value = f32x16_splat(x[m * stride]);
        for (int g = 0; g < GROUPS; g++) {
            sum[m][g] = f32x16_fma(value, weights[g], sum[m][g]);
        }
    }
}

// Adds the products of M tokens with the columns of the panel to y, or sets y if they are the
// first.
VD_INLINE void multiply_tile(const int M, const float *x, int64_t stride, const panels *p,
                             int64_t columns, outputs_at at, int first) {
    alignas(64) float acc[TILE_TOKENS][WIDTH];
    load_outputs(M, at, first, acc);
    for (int64_t c = 0; c < columns; c += VD_BLOCK) {
        tile_sums even, odd;
        clear_sums(M, even);
        clear_sums(M, odd);
        for (int i = 0; i < VD_BLOCK; i += 2) {
            add_column(M, x + c + i, stride, p->weights[c + i], even);
            add_column(M, x + c + i + 1, stride, p->weights[c + i + 1], odd);
        }
        for (int m = 0; m < M; m++) {
            for (int g = 0; g < GROUPS; g++) {
                float *sum = acc[m] + 16 * g;
                f32x16 both = f32x16_add(even[m][g], odd[m][g]);
                f32x16_store(sum, f32x16_add(f32x16_load(sum), both));
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
            i8x64 four = vd_load_four(type, at.columns, q);
#pragma GCC unroll 4
            for (int j = 0; j < 4; j++) {
                f32x16 w = weights_of(type, four, q, j, f);
                for (int m = 0; m < M; m++) {
                    f32x16 x = f32x16_splat(t->x[m * t->stride + k + 4 * q + j]);
                    sum[j % 2][m] = f32x16_fma(x, w, sum[j % 2][m]);
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

#define VD_KERNEL(TYPE, name)                                                               \
    void VD_NAME(vd_matmul_bf16_##name)(const vd_matmul *op, vd_range rows, vd_range units, \
                                        void *memory) {                                     \
        product(VD_##TYPE, op, rows, units, memory);                                        \
    }
#define VD_FLOAT_TYPE(TYPE, name, bytes) VD_KERNEL(TYPE, name)
#define VD_BLOCK_TYPE(TYPE, name, ...) VD_KERNEL(TYPE, name)
#include "types/types.inc"

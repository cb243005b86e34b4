// Float matmul over 16 lanes, which run along K. A register tile of tokens and rows of weights
// shares its loads, and each output reduces its lanes once, at the end.
//
// Many tokens are multiplied by a panel: some columns of a tile's rows of weights, as floats. With
// the activations of a tile it fills most of the L1 cache, so that only activations are read from
// L2, at half its bandwidth. Between panels the sums are stored with all their lanes.
#include <stdalign.h>
#include <string.h>

#include "matmul/matmul.h"
#include "matmul/weight_prefetch.h"
#include "simd/part_v16.h"
#include "types/types.h"

enum {
    FEW_TOKENS = 16,  // up to this number, memory bandwidth is the limit
    PANEL_COLUMNS = 1024,
    PANEL_ROWS = 4,     // sums that are reduced together
    PANEL_TOKENS = 96,  // tokens with sums that are stored between panels
};

typedef f32x16 sums[VD_FLOAT_TILE_TOKENS][VD_FLOAT_TILE_ROWS];
typedef float panel_step[PANEL_ROWS][16];  // 16 columns
typedef float tile_lanes[VD_FLOAT_PANEL_TOKENS][PANEL_ROWS][16];

VD_INLINE f32x16 load_w(const int type, const void *row, int64_t k, int64_t n) {
    if (type == VD_F32) {
        return f32x16_load_up_to((const float *)row + k, n);
    }
    const uint16_t *p = (const uint16_t *)row + k;
    if (type == VD_BF16) {
        return n >= 16 ? f32x16_load_bfloats(p) : f32x16_load_bfloats_part(p, n);
    }
    return n >= 16 ? f32x16_load_halves(p) : f32x16_load_halves_part(p, n);
}

// Adds the products of 16 columns, or of the last n. Token m is m rows of K after x.
VD_INLINE void add_columns(const int M, const int N, const float *x, int64_t K, int64_t n,
                           const f32x16 *weights, sums acc) {
    for (int m = 0; m < M; m++) {
        f32x16 values = f32x16_load_up_to(x + m * K, n);
        for (int i = 0; i < N; i++) {
            acc[m][i] = f32x16_fma(values, weights[i], acc[m][i]);
        }
    }
}

VD_INLINE void merge_sums(const int M, const int N, const vd_matmul *op, int64_t m0, int64_t n0,
                          sums acc) {
    float merged[VD_FLOAT_TILE_TOKENS * VD_FLOAT_TILE_ROWS];
    int i = 0;
    for (; i + 4 <= M * N; i += 4) {
        f32x16 four[4];
        for (int j = 0; j < 4; j++) {
            four[j] = acc[(i + j) / N][(i + j) % N];
        }
        f32x16_reduce_add_four(merged + i, four);
    }
    for (; i < M * N; i++) {
        merged[i] = f32x16_reduce_add(acc[i / N][i % N]);
    }
    for (int m = 0; m < M; m++) {
        memcpy(op->y + (m0 + m) * op->N + n0, merged + m * N, (size_t)N * sizeof *merged);
    }
}

VD_INLINE void load_weights(const int type, const int N, const vd_matmul *op, int64_t n0, int64_t k,
                            int64_t n, f32x16 *weights) {
    for (int i = 0; i < N; i++) {
        const uint8_t *row = (const uint8_t *)op->weights + (n0 + i) * vd_row_bytes(type, op->K);
        weights[i] = load_w(type, row, k, n);
    }
}

// Computes outputs of M tokens and N rows of weights that are not copied.
VD_INLINE void tile(const int type, const int M, const int N, const vd_matmul *op, int64_t m0,
                    int64_t n0, vd_prefetcher *prefetcher) {
    const float *x = op->x + m0 * op->K;
    sums acc;
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < N; n++) {
            acc[m][n] = f32x16_zero();
        }
    }
    f32x16 weights[VD_FLOAT_TILE_ROWS];
    int64_t whole = op->K / 16 * 16;
    for (int64_t k = 0; k < whole; k += 16) {
        vd_prefetch_next(prefetcher, N * vd_row_bytes(type, 16));
        load_weights(type, N, op, n0, k, 16, weights);
        add_columns(M, N, x + k, op->K, 16, weights, acc);
    }
    if (whole < op->K) {
        load_weights(type, N, op, n0, whole, op->K - whole, weights);
        add_columns(M, N, x + whole, op->K, op->K - whole, weights, acc);
    }
    merge_sums(M, N, op, m0, n0, acc);
}

// Computes outputs of the first N rows of weights.
VD_INLINE void few_tokens(const int type, const int N, const vd_matmul *op, vd_range rows,
                          vd_range weights) {
    int64_t row_bytes = vd_row_bytes(type, op->K);
    const uint8_t *first = (const uint8_t *)op->weights + weights.begin * row_bytes;
    int64_t M = rows.end - rows.begin;
    int64_t tiles = M / VD_FLOAT_TILE_TOKENS + M % VD_FLOAT_TILE_TOKENS;
    vd_prefetcher prefetcher =
        vd_prefetcher_of(first, N * row_bytes, (weights.end - weights.begin) * row_bytes, tiles);
    int64_t m = rows.begin;
    for (; m + VD_FLOAT_TILE_TOKENS <= rows.end; m += VD_FLOAT_TILE_TOKENS) {
        tile(type, VD_FLOAT_TILE_TOKENS, N, op, m, weights.begin, &prefetcher);
    }
    for (; m < rows.end; m++) {
        tile(type, 1, N, op, m, weights.begin, &prefetcher);
    }
}

VD_INLINE void fill_panel(const int type, const vd_matmul *op, int64_t n0, int64_t k, int64_t end,
                          panel_step *panel) {
    for (; k < end; k += 16, panel++) {
        f32x16 weights[PANEL_ROWS];
        load_weights(type, PANEL_ROWS, op, n0, k, op->K - k, weights);
        for (int i = 0; i < PANEL_ROWS; i++) {
            f32x16_store((*panel)[i], weights[i]);
        }
    }
}

// Adds the products of whole steps to one register of each sum's lanes, so that more outputs share
// the loaded operands than if registers held all lanes.
VD_INLINE void add_steps(const float *x, int64_t K, const panel_step *panel, int64_t steps,
                         int lane, tile_lanes waiting) {
    const int M = VD_FLOAT_PANEL_TOKENS;
    const int N = PANEL_ROWS;
    f32reg acc[VD_FLOAT_PANEL_TOKENS][PANEL_ROWS];
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < N; n++) {
            acc[m][n] = f32reg_load(waiting[m][n] + lane);
        }
    }
    for (int64_t i = 0; i < steps; i++) {
        f32reg values[VD_FLOAT_PANEL_TOKENS];
        for (int m = 0; m < M; m++) {
            values[m] = f32reg_load(x + m * K + 16 * i + lane);
        }
        for (int n = 0; n < N; n++) {
            f32reg weights = f32reg_load(panel[i][n] + lane);
            for (int m = 0; m < M; m++) {
                acc[m][n] = f32reg_fma(values[m], weights, acc[m][n]);
            }
        }
    }
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < N; n++) {
            f32reg_store(waiting[m][n] + lane, acc[m][n]);
        }
    }
}

// Adds the last step if it has fewer than 16 columns.
VD_INLINE void add_last_step(const float *x, int64_t K, int64_t columns, const panel_step step,
                             tile_lanes waiting) {
    for (int m = 0; m < VD_FLOAT_PANEL_TOKENS; m++) {
        f32x16 values = f32x16_load_part(x + m * K, columns);
        for (int n = 0; n < PANEL_ROWS; n++) {
            float *sum = waiting[m][n];
            f32x16_store(sum, f32x16_fma(values, f32x16_load(step[n]), f32x16_load(sum)));
        }
    }
}

// Adds columns [k, end) to a tile's sums, and reduces them after the last column.
VD_INLINE void panel_tile(const vd_matmul *op, int64_t m0, int64_t n0, int64_t k, int64_t end,
                          const panel_step *panel, tile_lanes waiting) {
    const float *x = op->x + m0 * op->K + k;
    int64_t steps = (end - k) / 16;
    if (k == 0) {
        memset(waiting, 0, sizeof(tile_lanes));
    }
    for (int lane = 0; lane < 16; lane += VD_REGISTER_LANES) {
        add_steps(x, op->K, panel, steps, lane, waiting);
    }
    if (k + 16 * steps < end) {
        add_last_step(x + 16 * steps, op->K, end - k - 16 * steps, panel[steps], waiting);
    }
    if (end < op->K) {
        return;
    }
    for (int m = 0; m < VD_FLOAT_PANEL_TOKENS; m++) {
        f32x16 lanes[PANEL_ROWS];
        for (int n = 0; n < PANEL_ROWS; n++) {
            lanes[n] = f32x16_load(waiting[m][n]);
        }
        f32x16_reduce_add_four(op->y + (m0 + m) * op->N + n0, lanes);
    }
}

// Computes outputs of more than FEW_TOKENS tokens. The last tile may overlap the one before it.
VD_INLINE void many_tokens(const int type, const vd_matmul *op, vd_range rows, int64_t n) {
    alignas(64) panel_step panel[PANEL_COLUMNS / 16];
    alignas(64) tile_lanes waiting[PANEL_TOKENS / VD_FLOAT_PANEL_TOKENS];
    for (int64_t k = 0; k < op->K; k += PANEL_COLUMNS) {
        int64_t end = vd_min(k + PANEL_COLUMNS, op->K);
        fill_panel(type, op, n, k, end, panel);
        for (int64_t i = 0; i * VD_FLOAT_PANEL_TOKENS < rows.end - rows.begin; i++) {
            int64_t m = rows.begin + i * VD_FLOAT_PANEL_TOKENS;
            int64_t first = vd_min(m, rows.end - VD_FLOAT_PANEL_TOKENS);
            panel_tile(op, first, n, k, end, panel, waiting[i]);
        }
    }
}

VD_INLINE void product(const int type, const vd_matmul *op, vd_range all, vd_range units) {
    for (vd_range rows = all; rows.begin < all.end; rows.begin = rows.end) {
        rows.end = vd_min(rows.begin + PANEL_TOKENS, all.end);
        vd_range weights = units;
        if (rows.end - rows.begin > FEW_TOKENS) {
            const int N = PANEL_ROWS;
            for (; weights.begin + N <= weights.end; weights.begin += N) {
                many_tokens(type, op, rows, weights.begin);
            }
        }
        const int N = VD_FLOAT_TILE_ROWS;
        for (; weights.begin + N <= weights.end; weights.begin += N) {
            few_tokens(type, N, op, rows, weights);
        }
        for (; weights.begin < weights.end; weights.begin++) {
            few_tokens(type, 1, op, rows, weights);
        }
    }
}

#define VD_FLOAT_TYPE(TYPE, name, bytes)                                               \
    void VD_NAME(vd_matmul_##name)(const vd_matmul *op, vd_range rows, vd_range units, \
                                   vd_range k) {                                       \
        (void)k;                                                                       \
        product(VD_##TYPE, op, rows, units);                                           \
    }
#include "types/types.inc"

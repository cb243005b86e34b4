// Float matmul over 16 lanes, which run along K. A register tile of tokens and rows of weights
// shares its loads; each output merges its lanes once, at the end.
#include "core/types.h"
#include "matmul/matmul.h"
#include "simd/part_v16.h"

VD_INLINE v16 load_w(const int type, const void *row, int64_t k, int64_t lanes) {
    if (type == VD_F32) {
        return v16_load_up_to((const float *)row + k, lanes);
    }
    const uint16_t *p = (const uint16_t *)row + k;
    if (type == VD_BF16) {
        return lanes >= 16 ? v16_load_bfloats(p) : v16_load_bfloats_part(p, lanes);
    }
    return lanes >= 16 ? v16_load_halves(p) : v16_load_halves_part(p, lanes);
}

VD_INLINE void add_columns(const int type, const int M, const int N, const float *const *x,
                           const void *const *w, int64_t k, int64_t lanes,
                           v16 acc[VD_FLOAT_TILE_TOKENS][VD_FLOAT_TILE_ROWS]) {
    v16 weights[VD_FLOAT_TILE_ROWS];
    for (int n = 0; n < N; n++) {
        weights[n] = load_w(type, w[n], k, lanes);
    }
    for (int m = 0; m < M; m++) {
        v16 values = v16_load_up_to(x[m] + k, lanes);
        for (int n = 0; n < N; n++) {
            acc[m][n] = v16_fma(values, weights[n], acc[m][n]);
        }
    }
}

VD_INLINE void tile(const int type, const int M, const int N, const vd_matmul *op, int64_t m0,
                    int64_t n0) {
    const float *x[VD_FLOAT_TILE_TOKENS];
    const void *w[VD_FLOAT_TILE_ROWS];
    v16 acc[VD_FLOAT_TILE_TOKENS][VD_FLOAT_TILE_ROWS];
    for (int n = 0; n < N; n++) {
        w[n] = (const uint8_t *)op->weights + (n0 + n) * vd_row_bytes(type, op->K);
    }
    for (int m = 0; m < M; m++) {
        x[m] = op->x + (m0 + m) * op->K;
        for (int n = 0; n < N; n++) {
            acc[m][n] = v16_zero();
        }
    }
    int64_t whole = op->K / 16 * 16;
    for (int64_t k = 0; k < whole; k += 16) {
        add_columns(type, M, N, x, w, k, 16, acc);
    }
    if (whole < op->K) {
        add_columns(type, M, N, x, w, whole, op->K - whole, acc);
    }
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < N; n++) {
            op->y[(m0 + m) * op->N + n0 + n] = v16_merge(acc[m][n]);
        }
    }
}

VD_INLINE void sweep(const int type, const int N, const vd_matmul *op, vd_range rows, int64_t n) {
    int64_t m = rows.begin;
    for (; m + VD_FLOAT_TILE_TOKENS <= rows.end; m += VD_FLOAT_TILE_TOKENS) {
        tile(type, VD_FLOAT_TILE_TOKENS, N, op, m, n);
    }
    for (; m < rows.end; m++) {
        tile(type, 1, N, op, m, n);
    }
}

VD_INLINE void product(const int type, const vd_matmul *op, vd_range rows, vd_range units) {
    int64_t n = units.begin;
    for (; n + VD_FLOAT_TILE_ROWS <= units.end; n += VD_FLOAT_TILE_ROWS) {
        sweep(type, VD_FLOAT_TILE_ROWS, op, rows, n);
    }
    for (; n < units.end; n++) {
        sweep(type, 1, op, rows, n);
    }
}

void VD_NAME(vd_matmul_f32)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_F32, op, rows, units);
}

void VD_NAME(vd_matmul_f16)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_F16, op, rows, units);
}

void VD_NAME(vd_matmul_bf16)(const vd_matmul *op, vd_range rows, vd_range units) {
    product(VD_BF16, op, rows, units);
}

// The up-projection of low-rank updates over 16 lanes, which are outputs. Several rows share the
// loads of B.
#include "low_rank/low_rank.h"
#include "simd/part_v16.h"

enum { TILE_ROWS = 4 };

// Computes n columns from c on, within one group of 16 columns of B, of M rows from `row` on.
VD_INLINE void tile(const int M, const vd_low_rank_up *op, const vd_low_rank *update, int64_t row,
                    int64_t c, int64_t n) {
    int64_t lane = c % VD_LOW_RANK_COLUMNS;
    const float *b = update->B + (c - lane) * update->r + lane;
    const float *t = op->t + row * op->choice.R;
    f32x16 sums[TILE_ROWS];
    for (int m = 0; m < M; m++) {
        sums[m] = f32x16_zero();
    }
    for (int64_t j = 0; j < update->r; j++, b += VD_LOW_RANK_COLUMNS) {
        f32x16 weights = f32x16_load_up_to(b, n);
        for (int m = 0; m < M; m++) {
            sums[m] = f32x16_fma(f32x16_splat(t[m * op->choice.R + j]), weights, sums[m]);
        }
    }
    for (int m = 0; m < M; m++) {
        int64_t at = (row + m) * op->N + c;
        f32x16_store_up_to(op->y + at, f32x16_add(f32x16_load_up_to(op->x + at, n), sums[m]), n);
    }
}

void VD_NAME(vd_low_rank)(const vd_low_rank_up *op, const vd_low_rank *update, vd_range rows,
                          vd_range columns) {
    int64_t n;
    for (int64_t c = columns.begin; c < columns.end; c += n) {
        n = vd_min(VD_LOW_RANK_COLUMNS - c % VD_LOW_RANK_COLUMNS, columns.end - c);
        int64_t row = rows.begin;
        for (; row + TILE_ROWS <= rows.end; row += TILE_ROWS) {
            tile(TILE_ROWS, op, update, row, c, n);
        }
        for (; row < rows.end; row++) {
            tile(1, op, update, row, c, n);
        }
    }
}

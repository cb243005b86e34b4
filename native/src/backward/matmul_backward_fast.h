// Fast matmul backward over panels of bf16: the outputs of a panel are columns of dx, and its
// columns rows of W, which are expanded to floats and rounded. A panel of dy serves all columns of
// a tile.
#ifndef VD_BACKWARD_MATMUL_BACKWARD_FAST_H
#define VD_BACKWARD_MATMUL_BACKWARD_FAST_H

#include "backward/matmul_panel_v16.h"
#include "matmul/bf16_panels.h"

static_assert(PANEL_GROUPS * VD_PACK_ROWS == VD_BACKWARD_COLUMNS, "a panel is a tile of dx");

enum { EXPANDED = 128 };  // rows of W, which the first-level cache holds as floats

// Rows [first, first + n) of W, and zero up to a multiple of 32.
static void expand_weights(const vd_matmul_backward *op, int64_t first, int64_t n, int64_t column,
                           bf16_panels *p) {
    alignas(64) float rows[EXPANDED][VD_BACKWARD_COLUMNS];
    for (int64_t i = 0; i < n; i += EXPANDED) {
        int64_t count = vd_at_most(n - i, EXPANDED);
        int64_t padded = vd_ceil_div(count, VD_BLOCK) * VD_BLOCK;
        expand_panel(op, first + i, count, column, rows[0]);
        memset(rows[count], 0, (size_t)(padded - count) * sizeof rows[0]);
        for (int64_t pair = 0; pair < padded / 2; pair++) {
            for (int g = 0; g < PANEL_GROUPS; g++) {
                v16 even = v16_load(rows[2 * pair] + g * VD_PACK_ROWS);
                v16 odd = v16_load(rows[2 * pair + 1] + g * VD_PACK_ROWS);
                _mm512_store_si512(p->weights[g][i / 2 + pair], interleave(to_bf16(even, odd)));
            }
        }
    }
}

// At most VD_FAST_ROWS rows.
static void multiply_rows(const vd_matmul_backward *op, vd_range rows, vd_range columns,
                          bf16_panels *p) {
    for (int64_t n = 0; n < op->N; n += PANEL_COLUMNS) {
        int64_t count = vd_at_most(op->N - n, PANEL_COLUMNS);
        for (int64_t m = rows.begin; m < rows.end; m++) {
            expand_floats(op->dy + m * op->N + n, count, p->tokens[m - rows.begin]);
        }
        pad_tokens(p, rows.end - rows.begin);
        for (int64_t k = columns.begin; k < columns.end; k += VD_BACKWARD_COLUMNS) {
            expand_weights(op, n, count, k, p);
            int64_t next = k + VD_BACKWARD_COLUMNS;
            if (next < columns.end) {
                fetch_panel(op, n, count, next);
            } else {
                fetch_panel(op, n + count, PANEL_COLUMNS, columns.begin);
            }
            multiply_tokens(p, count, op->dx, op->K, rows, (vd_range){k, columns.end}, n == 0);
        }
    }
}

static void multiply_panels(const vd_matmul_backward *op, vd_range rows, vd_range columns,
                            void *scratch) {
    for (int64_t m = rows.begin; m < rows.end; m += VD_FAST_ROWS) {
        vd_range some = {m, vd_at_most(m + VD_FAST_ROWS, rows.end)};
        multiply_rows(op, some, columns, scratch);
    }
}

#endif

// matmul_backward over 16 lanes, which are adjacent columns of dx. A panel of weights is
// dequantized to floats in the L1 cache and multiplied by all rows of dy. A register tile of dx
// adds the panel's rows in ascending order, is stored, and continues with the next panel.
#include <string.h>

#include "backward/matmul_panel_v16.h"
#include "simd/part_v16.h"

enum { PANEL_OUTPUTS = 128 };  // rows of W in a panel

// Rows of dy and dx, and the columns and weights that they are multiplied by. `first` is the row of
// W with which the panel of n rows begins.
typedef struct panel_product {
    const vd_matmul_backward *op;
    const int32_t *row_indices;
    vd_range rows;
    int64_t column;
    int64_t first;
    int64_t n;
    const float *panel;
} panel_product;

// Computes rows [m, m + M) of the product for V vectors of columns from vector v0 on.
VD_INLINE void panel_tile(const int M, const int V, const panel_product *p, int64_t m, int64_t v0) {
    f32x16 acc[VD_PANEL_ROWS][PANEL_VECTORS];
    const float *dy[VD_PANEL_ROWS];
    float *dx[VD_PANEL_ROWS];
    const float *panel = p->panel + 16 * v0;
    int64_t K = p->op->K, column = p->column + 16 * v0, left = K - column;
    for (int i = 0; i < M; i++) {
        int64_t row = vd_row_of(p->row_indices, m + i);
        dy[i] = p->op->dy + row * p->op->N + p->first;
        dx[i] = p->op->dx + row * K + column;
        for (int v = 0; v < V; v++) {
            acc[i][v] =
                left > 16 * v ? f32x16_load_up_to(dx[i] + 16 * v, left - 16 * v) : f32x16_zero();
        }
    }
    for (int64_t j = 0; j < p->n; j++) {
        f32x16 w[PANEL_VECTORS];
        for (int v = 0; v < V; v++) {
            w[v] = f32x16_load(panel + j * VD_BACKWARD_COLUMNS + 16 * v);
        }
        for (int i = 0; i < M; i++) {
            f32x16 g = f32x16_splat(dy[i][j]);
            for (int v = 0; v < V; v++) {
                acc[i][v] = f32x16_fma(g, w[v], acc[i][v]);
            }
        }
    }
    for (int i = 0; i < M; i++) {
        for (int v = 0; v < V; v++) {
            if (left > 16 * v) {
                f32x16 sum = f32x16_add(acc[i][v], f32x16_zero());  // skipped panels add no -0
                f32x16_store_up_to(dx[i] + 16 * v, sum, left - 16 * v);
            }
        }
    }
}

VD_INLINE void sweep_panel(const panel_product *p) {
    const int V = VD_PANEL_WIDTH;
    for (int64_t v = 0; v < PANEL_VECTORS && p->column + 16 * v < p->op->K; v += V) {
        int64_t m = p->rows.begin;
        for (; m + VD_PANEL_ROWS <= p->rows.end; m += VD_PANEL_ROWS) {
            panel_tile(VD_PANEL_ROWS, V, p, m, v);
        }
        for (; m + 4 <= p->rows.end; m += 4) {
            panel_tile(4, V, p, m, v);
        }
        for (; m < p->rows.end; m++) {
            panel_tile(1, V, p, m, v);
        }
    }
}

// Returns whether these columns of dy are 0 in all rows, as gradients of a few logits mostly are.
static int all_zero(const panel_product *p) {
    for (int64_t m = p->rows.begin; m < p->rows.end; m++) {
        const float *dy = p->op->dy + vd_row_of(p->row_indices, m) * p->op->N + p->first;
        for (int64_t j = 0; j < p->n; j++) {
            if (dy[j] != 0.0f) {
                return 0;
            }
        }
    }
    return 1;
}

static void VD_NAME(vd_matmul_backward)(const vd_matmul_backward *op, const int32_t *row_indices,
                                        vd_range rows, int64_t column, void *scratch) {
    int64_t columns = vd_min(op->K - column, VD_BACKWARD_COLUMNS);
    for (int64_t m = rows.begin; m < rows.end; m++) {
        float *dx = op->dx + vd_row_of(row_indices, m) * op->K + column;
        memset(dx, 0, (size_t)columns * sizeof *dx);
    }
    for (int64_t n = 0; n < op->N; n += PANEL_OUTPUTS) {
        int64_t count = vd_min(op->N - n, PANEL_OUTPUTS);
        panel_product p = {op, row_indices, rows, column, n, count, scratch};
        if (!all_zero(&p)) {
            expand_panel(op, n, count, column, scratch);
            fetch_panel(op, n + count, PANEL_OUTPUTS, column);
            sweep_panel(&p);
        }
    }
}

// matmul backward over 16 lanes, which are adjacent columns of dx. A panel of weights is expanded
// to floats in the first-level cache and swept by all rows of dy; a register tile of dx takes its
// rows in ascending order, waits in memory for the next panel, and goes on there.
#include <string.h>

#include "backward/backward.h"
#include "core/rows.h"
#include "matmul/blocks_v16.h"
#include "simd/part_v16.h"

enum {
    PANEL_OUTPUTS = 128,  // rows of W in a panel
    PANEL_VECTORS = VD_BACKWARD_COLUMNS / 16,
};

// Row r of 16 whose loaded columns 4q to 4q+3 are bytes 4r to 4r+3 of unit q: its 16 weights from
// column 16 h on.
VD_INLINE v16 row_weights(const int type, const uint8_t units[8][VD_UNIT_BYTES], int r, int h) {
    uint8_t bytes[16];
    for (int q = 0; q < 4; q++) {
        memcpy(bytes + 4 * q, units[4 * h + q] + 4 * r, 4);
    }
    v16i loaded = vd_columns_signed(type) && VD_SIGNED_BIAS == 0 ? v16i_load_signed_bytes(bytes)
                                                                 : v16i_load_bytes(bytes);
    return v16_from_int(v16i_sub(loaded, v16i_splat(vd_bias(type))));
}

// 16 packed rows of W: columns [k, k + 32).
VD_INLINE void expand_group(const int type, const vd_matmul_backward *op, int64_t group, int64_t k,
                            float *panel) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const uint8_t *codes =
        (const uint8_t *)op->weights + group * vd_packed_group_bytes(type, op->K);
    const uint8_t *factors = codes + vd_packed_factors(type, op->K) +
                             k / layout.elements * VD_PACK_ROWS * layout.factor_bytes;
    codes += k / VD_BLOCK * VD_UNIT_BYTES * vd_code_bits(type);
    const int halves = layout.sub_block == VD_BLOCK ? 1 : 2;  // with factors of their own
    float scales[2][VD_PACK_ROWS], minima[2][VD_PACK_ROWS];
    for (int h = 0; h < halves; h++) {
        int j = (int)(k % layout.elements / layout.sub_block) + h;
        v16_store(scales[h], vd_scales(type, factors, j));
        if (layout.minima) {
            v16_store(minima[h], vd_minima(type, factors, j));
        }
    }
    uint8_t units[8][VD_UNIT_BYTES];
    for (int q = 0; q < 8; q++) {
        v64 unit = vd_columns(type, codes, q);
        memcpy(units[q], &unit, sizeof units[q]);
    }
    for (int r = 0; r < VD_PACK_ROWS; r++) {
        for (int h = 0; h < PANEL_VECTORS; h++) {
            v16 w = row_weights(type, (const uint8_t(*)[VD_UNIT_BYTES])units, r, h);
            v16 s = v16_splat(scales[h % halves][r]);
            w = layout.minima ? v16_fma(w, s, v16_splat(minima[h % halves][r])) : v16_mul(w, s);
            v16_store(panel + r * VD_BACKWARD_COLUMNS + 16 * h, w);
        }
    }
}

// n rows of W from `first` on, a multiple of 16, of a packed type: whole groups of rows.
VD_INLINE void expand_groups(const int type, const vd_matmul_backward *op, int64_t first, int64_t n,
                             int64_t column, float *panel) {
    for (int64_t i = 0; i < n; i += VD_PACK_ROWS) {
        expand_group(type, op, (first + i) / VD_PACK_ROWS, column, panel + i * VD_BACKWARD_COLUMNS);
    }
}

// Columns behind the last one are 0.
VD_INLINE void expand_rows(const vd_matmul_backward *op, int64_t first, int64_t n, int64_t column,
                           float *panel) {
    int64_t columns = vd_at_most(op->K - column, VD_BACKWARD_COLUMNS);
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *row =
            (const uint8_t *)op->weights + (first + i) * vd_row_bytes(op->type, op->K);
        float *to = panel + i * VD_BACKWARD_COLUMNS;
        vd_expand_part(op->type, row, column, columns, to);
        memset(to + columns, 0, (size_t)(VD_BACKWARD_COLUMNS - columns) * sizeof *to);
    }
}

static void expand_panel(const vd_matmul_backward *op, int64_t first, int64_t n, int64_t column,
                         float *panel) {
    switch (op->unpacked ? VD_F32 : op->type) {
        case VD_Q4_0:
            expand_groups(VD_Q4_0, op, first, n, column, panel);
            break;
        case VD_Q4_1:
            expand_groups(VD_Q4_1, op, first, n, column, panel);
            break;
        case VD_Q5_0:
            expand_groups(VD_Q5_0, op, first, n, column, panel);
            break;
        case VD_Q5_1:
            expand_groups(VD_Q5_1, op, first, n, column, panel);
            break;
        case VD_Q8_0:
            expand_groups(VD_Q8_0, op, first, n, column, panel);
            break;
        case VD_Q2_K:
            expand_groups(VD_Q2_K, op, first, n, column, panel);
            break;
        case VD_Q3_K:
            expand_groups(VD_Q3_K, op, first, n, column, panel);
            break;
        case VD_Q4_K:
            expand_groups(VD_Q4_K, op, first, n, column, panel);
            break;
        case VD_Q5_K:
            expand_groups(VD_Q5_K, op, first, n, column, panel);
            break;
        case VD_Q6_K:
            expand_groups(VD_Q6_K, op, first, n, column, panel);
            break;
        case VD_IQ4_NL:
            expand_groups(VD_IQ4_NL, op, first, n, column, panel);
            break;
        case VD_MXFP4:
            expand_groups(VD_MXFP4, op, first, n, column, panel);
            break;
        default:
            expand_rows(op, first, n, column, panel);
    }
}

// Rows of dy and dx, and the columns and weights that meet them: `first` is the row of W that the
// panel of n begins with.
typedef struct panel_product {
    const vd_matmul_backward *op;
    const int32_t *chosen;
    vd_range rows;
    int64_t column;
    int64_t first;
    int64_t n;
    const float *panel;
} panel_product;

// Rows [m, m + M) of the product, V vectors of columns from vector v0 on.
VD_INLINE void panel_tile(const int M, const int V, const panel_product *p, int64_t m, int64_t v0) {
    v16 acc[VD_PANEL_ROWS][PANEL_VECTORS];
    const float *dy[VD_PANEL_ROWS];
    float *dx[VD_PANEL_ROWS];
    const float *panel = p->panel + 16 * v0;
    int64_t K = p->op->K, column = p->column + 16 * v0, left = K - column;
    for (int i = 0; i < M; i++) {
        int64_t row = vd_chosen_row(p->chosen, m + i);
        dy[i] = p->op->dy + row * p->op->N + p->first;
        dx[i] = p->op->dx + row * K + column;
        for (int v = 0; v < V; v++) {
            acc[i][v] = left > 16 * v ? v16_load_up_to(dx[i] + 16 * v, left - 16 * v) : v16_zero();
        }
    }
    for (int64_t j = 0; j < p->n; j++) {
        v16 w[PANEL_VECTORS];
        for (int v = 0; v < V; v++) {
            w[v] = v16_load(panel + j * VD_BACKWARD_COLUMNS + 16 * v);
        }
        for (int i = 0; i < M; i++) {
            v16 g = v16_splat(dy[i][j]);
            for (int v = 0; v < V; v++) {
                acc[i][v] = v16_fma(g, w[v], acc[i][v]);
            }
        }
    }
    for (int i = 0; i < M; i++) {
        for (int v = 0; v < V; v++) {
            if (left > 16 * v) {
                v16_store_up_to(dx[i] + 16 * v, acc[i][v], left - 16 * v);
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

// Whether the columns of dy are 0 in all rows: gradients of a few logits mostly are.
static int all_zero(const panel_product *p) {
    for (int64_t m = p->rows.begin; m < p->rows.end; m++) {
        const float *dy = p->op->dy + vd_chosen_row(p->chosen, m) * p->op->N + p->first;
        for (int64_t j = 0; j < p->n; j++) {
            if (dy[j] != 0.0f) {
                return 0;
            }
        }
    }
    return 1;
}

static void VD_NAME(vd_matmul_backward)(const vd_matmul_backward *op, const int32_t *chosen,
                                        vd_range rows, int64_t column, void *scratch) {
    int64_t columns = vd_at_most(op->K - column, VD_BACKWARD_COLUMNS);
    for (int64_t m = rows.begin; m < rows.end; m++) {
        float *dx = op->dx + vd_chosen_row(chosen, m) * op->K + column;
        memset(dx, 0, (size_t)columns * sizeof *dx);
    }
    for (int64_t n = 0; n < op->N; n += PANEL_OUTPUTS) {
        int64_t count = vd_at_most(op->N - n, PANEL_OUTPUTS);
        panel_product p = {op, chosen, rows, column, n, count, scratch};
        if (!all_zero(&p)) {
            expand_panel(op, n, count, column, scratch);
            sweep_panel(&p);
        }
    }
}

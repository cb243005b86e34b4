// Divides products with W, not transposed, among the workers: tiles of 32 columns, which expand the
// weights that they need once for all rows. Where that makes too few tiles, rows are divided too.
#include "backward/backward.h"
#include "core/family.h"
#include "matmul/matmul.h"

#define VD_VARIANT(isa, name) [isa] = vd_matmul_backward_fast_##name,
vd_matmul_backward_fast *const vd_matmul_backward_fast_kernels[VD_ISA_COUNT] = {
#if VD_X86_64
#include "backward/matmul_backward_fast_kernels.inc"
#else
    [0] = NULL,
#endif
};
#undef VD_VARIANT

enum {
    FEW_ROWS = 16,
    TILE_ROWS = 96,  // at least
    TILES = 4,       // of a worker, as far as there are rows
    FAST_TILES = 2,  // fewer, since each expands all of dy
};

vd_status vd_matmul_backward_check(const vd_op *op) {
    const vd_matmul_backward *m = &op->as.matmul_backward;
    int valid = m->weights != NULL && m->dy != NULL && m->dx != NULL && m->N > 0 && m->K > 0 &&
                vd_row_bytes(m->type, m->K) > 0 &&
                (m->unpacked == 0 || (m->unpacked == 1 && vd_is_quantized(m->type))) &&
                (m->fast == 0 || m->fast == 1);
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// Null: an ordinary one is as fast. For few rows the expansion of weights sets the pace, and dy of
// logits is mostly zero.
static vd_matmul_backward_fast *fast_kernel(const vd_matmul_backward *m, const vd_step *step) {
    return m->fast && step->rows > FEW_ROWS ? vd_matmul_backward_fast_kernels[step->isa] : NULL;
}

// Tiles have as many columns as leave each worker several, since they expand dy for themselves.
static void run_fast(const vd_matmul_backward *m, const vd_step *step,
                     vd_matmul_backward_fast *kernel) {
    int64_t row_tiles = vd_ceil_div(step->rows, VD_FAST_ROWS);
    int64_t blocks =
        vd_ceil_div(m->K * row_tiles, FAST_TILES * step->worker->count * VD_BACKWARD_COLUMNS);
    int64_t width = blocks * VD_BACKWARD_COLUMNS;
    int64_t tiles = row_tiles * vd_ceil_div(m->K, width);
    for (int64_t i = vd_next_tile(step); i < tiles; i = vd_next_tile(step)) {
        int64_t row = i % row_tiles * VD_FAST_ROWS, column = i / row_tiles * width;
        vd_range rows = {row, vd_at_most(row + VD_FAST_ROWS, step->rows)};
        kernel(m, rows, (vd_range){column, vd_at_most(column + width, m->K)},
               step->worker->scratch);
    }
}

void vd_matmul_backward_run(const vd_op *op, const vd_step *step) {
    const vd_matmul_backward *m = &op->as.matmul_backward;
    vd_matmul_backward_fast *fast = fast_kernel(m, step);
    if (fast != NULL) {
        run_fast(m, step, fast);
        return;
    }
    int64_t columns = vd_ceil_div(m->K, VD_BACKWARD_COLUMNS);
    int64_t wanted = vd_ceil_div(TILES * step->worker->count, columns);
    int64_t most = vd_ceil_div(step->rows, TILE_ROWS);
    int64_t row_tiles = vd_at_most(wanted, most);
    for (int64_t i = vd_next_tile(step); i < row_tiles * columns; i = vd_next_tile(step)) {
        int64_t part = i % row_tiles;
        vd_range rows = {step->rows * part / row_tiles, step->rows * (part + 1) / row_tiles};
        vd_backward[step->isa]->matmul(m, NULL, rows, i / row_tiles * VD_BACKWARD_COLUMNS,
                                       step->worker->scratch);
    }
}

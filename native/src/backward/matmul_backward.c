// Divides products with W, not transposed, among workers: tiles of 32 columns dequantize the
// weights that they need once for all rows. If that yields too few tiles, rows are divided too.
#include "backward/backward.h"
#include "core/op_impl.h"
#include "matmul/matmul.h"

enum {
    TILE_ROWS = 96,  // minimum
    TILES = 4,       // per worker, as far as there are rows
};

vd_status vd_matmul_backward_check(const vd_op *op) {
    const vd_matmul_backward *m = &op->as.matmul_backward;
    int valid = m->weights != NULL && m->dy != NULL && m->dx != NULL && m->N > 0 && m->K > 0 &&
                vd_row_bytes(m->type, m->K) > 0 &&
                (m->unpacked == 0 || (m->unpacked == 1 && vd_is_quantized(m->type)));
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_matmul_backward_run(const vd_op *op, const vd_step *step) {
    const vd_matmul_backward *m = &op->as.matmul_backward;
    int64_t columns = vd_ceil_div(m->K, VD_BACKWARD_COLUMNS);
    int64_t wanted = vd_ceil_div(TILES * step->worker->count, columns);
    int64_t max_tiles = vd_ceil_div(step->rows, TILE_ROWS);
    int64_t row_tiles = vd_min(wanted, max_tiles);
    for (int64_t i; vd_take_tile(step, 0, row_tiles * columns, &i);) {
        int64_t part = i % row_tiles;
        vd_range rows = {step->rows * part / row_tiles, step->rows * (part + 1) / row_tiles};
        vd_backward[step->isa]->matmul(m, NULL, rows, i / row_tiles * VD_BACKWARD_COLUMNS,
                                       step->worker->scratch);
    }
}

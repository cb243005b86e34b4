// tap has one variant: it is bound by memory, and compilers vectorize it.
#include <string.h>

#include "core/op_impl.h"
#include "simd/stream.h"
#include "types/types.h"

static int64_t element_bytes(const vd_tap *tap) { return vd_row_bytes(tap->type, 1); }

vd_status vd_tap_check(const vd_op *op) {
    const vd_tap *tap = &op->as.tap;
    int known = tap->type == VD_F32 || tap->type == VD_F16 || tap->type == VD_BF16;
    int valid = known && tap->x != NULL && tap->data != NULL && tap->bases != NULL &&
                tap->positions != NULL && tap->n_sequences > 0 && tap->width > 0 &&
                tap->n_rows > 0 && tap->n_rows <= INT64_MAX / (tap->width * element_bytes(tap));
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_tap_replicate(vd_op *op, int64_t row) { op->as.tap.x += row * op->as.tap.width; }

// Returns the row of data that row i is copied to, or -1.
static int64_t target_row(const vd_op *op, const vd_batch *batch, int64_t i) {
    const vd_tap *tap = &op->as.tap;
    int64_t token = vd_token_of(op, batch, i);
    int32_t sequence = batch->sequences[token], position = batch->positions[token];
    if (sequence >= tap->n_sequences || tap->bases[sequence] < 0 || position < tap->positions[0] ||
        position >= tap->positions[1]) {
        return -1;
    }
    int64_t offset = (int64_t)position - tap->positions[0];
    return offset < tap->n_rows - tap->bases[sequence] ? tap->bases[sequence] + offset : -1;
}

// Up to this number, rows are stored through the caches and written back when memory is idle; more
// rows would evict data in use.
enum { CACHED_ROWS = 16 };

static void store(const float *x, void *data, int32_t type, int64_t first, int64_t n, int cached) {
    uint16_t *halves = (uint16_t *)data + first;
    switch (type) {
        case VD_F16:
            for (int64_t i = 0; i < n; i++) {
                halves[i] = vd_float_to_half(x[i]);
            }
            break;
        case VD_BF16:
            for (int64_t i = 0; i < n; i++) {
                halves[i] = vd_float_to_bfloat(x[i]);
            }
            break;
        default:
            if (cached) {
                memcpy((float *)data + first, x, (size_t)n * sizeof *x);
            } else {
                vd_stream_floats((float *)data + first, x, n);
            }
    }
}

void vd_tap_tile(const vd_op *op, const vd_step *step, vd_range rows, vd_range columns) {
    const vd_tap *tap = &op->as.tap;
    for (int64_t i = rows.begin; i < rows.end; i++) {
        int64_t row = target_row(op, step->batch, i);
        if (row >= 0) {
            store(tap->x + i * tap->width + columns.begin, tap->data, tap->type,
                  row * tap->width + columns.begin, columns.end - columns.begin,
                  step->rows <= CACHED_ROWS);
        }
    }
}

void vd_tap_run(const vd_op *op, const vd_step *step) {
    vd_range rows, columns;
    vd_share_tile(step, op->as.tap.width, &rows, &columns);
    vd_tap_tile(op, step, rows, columns);
}

// copy and gather move rows.
#include <string.h>

#include "core/family.h"

vd_status vd_copy_check(const vd_op *op) {
    const vd_copy *copy = &op->as.copy;
    return copy->x != NULL && copy->y != NULL && copy->width > 0 ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_copy_run(const vd_op *op, const vd_step *step) {
    const vd_copy *copy = &op->as.copy;
    vd_range range = vd_share(step->worker, step->rows * copy->width);
    memcpy(copy->y + range.begin, copy->x + range.begin,
           (size_t)(range.end - range.begin) * sizeof *copy->y);
}

void vd_copy_tile(const vd_op *op, const vd_step *step, vd_range rows, vd_range columns) {
    (void)step;
    const vd_copy *copy = &op->as.copy;
    for (int64_t row = rows.begin; row < rows.end; row++) {
        int64_t first = row * copy->width + columns.begin;
        memcpy(copy->y + first, copy->x + first,
               (size_t)(columns.end - columns.begin) * sizeof *copy->y);
    }
}

vd_status vd_gather_check(const vd_op *op) {
    const vd_gather *gather = &op->as.gather;
    int valid =
        gather->x != NULL && gather->y != NULL && gather->width > 0 && op->rows == VD_ROWS_LOGITS;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_gather_run(const vd_op *op, const vd_step *step) {
    const vd_gather *gather = &op->as.gather;
    vd_range rows = vd_share(step->worker, step->rows);
    for (int64_t i = rows.begin; i < rows.end; i++) {
        memcpy(gather->y + i * gather->width,
               gather->x + (int64_t)step->batch->logit_rows[i] * gather->width,
               (size_t)gather->width * sizeof *gather->y);
    }
}

// gather copies the rows of the batch for which logits are requested.
#include <string.h>

#include "core/op_impl.h"

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

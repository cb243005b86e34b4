// scatter adds gathered rows back to the rows they came from.
#include <string.h>

#include "core/op_impl.h"

vd_status vd_scatter_check(const vd_op *op) {
    const vd_scatter *scatter = &op->as.scatter;
    int valid = scatter->x != NULL && scatter->y != NULL && scatter->width > 0 &&
                op->rows == VD_ROWS_TOKENS;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// Each worker fills its share of y. A row may be gathered more than once.
void vd_scatter_run(const vd_op *op, const vd_step *step) {
    const vd_scatter *scatter = &op->as.scatter;
    vd_range rows = vd_share(step->worker, step->rows);
    size_t row_bytes = (size_t)scatter->width * sizeof *scatter->y;
    memset(scatter->y + rows.begin * scatter->width, 0,
           (size_t)(rows.end - rows.begin) * row_bytes);
    for (int64_t i = 0; i < step->batch->n_logits; i++) {
        int64_t row = step->batch->logit_rows[i];
        if (row >= rows.begin && row < rows.end) {
            for (int32_t k = 0; k < scatter->width; k++) {
                scatter->y[row * scatter->width + k] += scatter->x[i * scatter->width + k];
            }
        }
    }
}

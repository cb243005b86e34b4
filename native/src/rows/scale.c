// scale has one variant: it is bound by memory, and compilers vectorize it.
#include <math.h>

#include "core/op_impl.h"

vd_status vd_scale_check(const vd_op *op) {
    const vd_scale *scale = &op->as.scale;
    int valid = scale->x != NULL && scale->y != NULL && scale->width > 0 && isfinite(scale->factor);
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

static void scale_range(const vd_scale *scale, vd_range range) {
    for (int64_t i = range.begin; i < range.end; i++) {
        scale->y[i] = scale->factor * scale->x[i];
    }
}

void vd_scale_tile(const vd_op *op, const vd_step *step, vd_range rows, vd_range columns) {
    (void)step;
    for (int64_t row = rows.begin; row < rows.end; row++) {
        int64_t first = row * op->as.scale.width;
        scale_range(&op->as.scale, (vd_range){first + columns.begin, first + columns.end});
    }
}

void vd_scale_run(const vd_op *op, const vd_step *step) {
    scale_range(&op->as.scale, vd_share(step->worker, step->rows * op->as.scale.width));
}

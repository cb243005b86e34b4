// add has one variant: it is bound by memory, and compilers vectorize it.
#include "core/op_impl.h"

vd_status vd_add_check(const vd_op *op) {
    const vd_add *add = &op->as.add;
    int valid = add->a != NULL && add->b != NULL && add->y != NULL && add->width > 0 &&
                (add->broadcast == 0 || add->broadcast == 1);
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_add_tile(const vd_op *op, const vd_step *step, vd_range rows, vd_range columns) {
    (void)step;
    const vd_add *add = &op->as.add;
    for (int64_t row = rows.begin; row < rows.end; row++) {
        const float *a = add->a + row * add->width;
        const float *b = add->broadcast ? add->b : add->b + row * add->width;
        float *y = add->y + row * add->width;
        for (int64_t i = columns.begin; i < columns.end; i++) {
            y[i] = a[i] + b[i];
        }
    }
}

static void add_range(const vd_add *add, vd_range range) {
    for (int64_t i = range.begin; i < range.end; i++) {
        add->y[i] = add->a[i] + add->b[i];
    }
}

void vd_add_run(const vd_op *op, const vd_step *step) {
    const vd_add *add = &op->as.add;
    if (add->broadcast) {
        vd_add_tile(op, step, vd_share(step->worker, step->rows), (vd_range){0, add->width});
    } else {
        add_range(add, vd_share(step->worker, step->rows * add->width));
    }
}

// accumulate has one variant: it is bound by memory, and compilers vectorize it. Workers share the
// columns, so that each sum has a fixed order.
#include "core/op_impl.h"

vd_status vd_accumulate_check(const vd_op *op) {
    const vd_accumulate *a = &op->as.accumulate;
    int valid = a->x != NULL && a->sums != NULL && a->bounds != NULL && a->slots != NULL &&
                a->n_sequences > 0 && a->n_slots > 0 && a->width > 0;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

static void add_row(const float *x, double *sums, float *bounds, int64_t width, vd_range columns) {
    double *squares = sums + width;
    float *minimum = bounds, *maximum = bounds + width;
    for (int64_t j = columns.begin; j < columns.end; j++) {
        sums[j] += (double)x[j];
        squares[j] += (double)x[j] * (double)x[j];
        minimum[j] = x[j] < minimum[j] ? x[j] : minimum[j];
        maximum[j] = x[j] > maximum[j] ? x[j] : maximum[j];
    }
}

void vd_accumulate_run(const vd_op *op, const vd_step *step) {
    const vd_accumulate *a = &op->as.accumulate;
    vd_range columns = vd_share(step->worker, a->width);
    for (int64_t i = 0; i < step->rows; i++) {
        int32_t sequence = step->batch->sequences[vd_token_of(op, step->batch, i)];
        int32_t slot = sequence < a->n_sequences ? a->slots[sequence] : -1;
        if (slot >= 0 && slot < a->n_slots) {
            int64_t first = 2 * (int64_t)slot * a->width;
            add_row(a->x + i * a->width, a->sums + first, a->bounds + first, a->width, columns);
        }
    }
}

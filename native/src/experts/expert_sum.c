// expert_sum has one variant: it is bound by memory, and compilers vectorize it.
#include "core/op_impl.h"

vd_status vd_expert_sum_check(const vd_op *op) {
    const vd_expert_sum *sum = &op->as.expert_sum;
    int valid =
        sum->x != NULL && sum->weights != NULL && sum->y != NULL && sum->k > 0 && sum->d > 0;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_expert_sum_run(const vd_op *op, const vd_step *step) {
    const vd_expert_sum *sum = &op->as.expert_sum;
    vd_range rows = vd_share(step->worker, step->rows);
    for (int64_t row = rows.begin; row < rows.end; row++) {
        const float *weights = sum->weights + row * sum->k;
        const float *x = sum->x + row * sum->k * sum->d;
        float *y = sum->y + row * sum->d;
        for (int32_t i = 0; i < sum->d; i++) {
            y[i] = weights[0] * x[i];
        }
        for (int32_t slot = 1; slot < sum->k; slot++) {
            const float *addend = x + (int64_t)slot * sum->d;
            for (int32_t i = 0; i < sum->d; i++) {
                y[i] += weights[slot] * addend[i];
            }
        }
    }
}

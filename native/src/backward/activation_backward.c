#include "backward/backward.h"
#include "core/op_impl.h"

vd_status vd_activation_backward_check(const vd_op *op) {
    const vd_activation_backward *a = &op->as.activation_backward;
    int valid = a->kind >= VD_ACTIVATION_SILU && a->kind <= VD_ACTIVATION_SOFTPLUS &&
                (a->slope == VD_SLOPE_DERIVATIVE || a->slope == VD_SLOPE_SECANT) && a->x != NULL &&
                a->dy != NULL && a->dx != NULL && a->width > 0;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_activation_backward_run(const vd_op *op, const vd_step *step) {
    const vd_activation_backward *a = &op->as.activation_backward;
    vd_backward[step->isa]->activation(a, vd_share(step->worker, step->rows * a->width));
}

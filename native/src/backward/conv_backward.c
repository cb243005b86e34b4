#include "backward/backward.h"
#include "core/op_impl.h"

vd_status vd_conv_backward_check(const vd_op *op) {
    const vd_conv_backward *conv = &op->as.conv_backward;
    int valid = conv->kernel != NULL && conv->dy != NULL && conv->dx != NULL && conv->d > 0 &&
                conv->L > 0 && op->rows == VD_ROWS_TOKENS;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_conv_backward_run(const vd_op *op, const vd_step *step) {
    const vd_conv_backward *conv = &op->as.conv_backward;
    vd_backward[step->isa]->conv(conv, step->batch, vd_share_vectors(step->worker, conv->d));
}

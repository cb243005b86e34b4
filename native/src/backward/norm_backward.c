#include <math.h>

#include "backward/backward.h"
#include "core/op_impl.h"

#define VD_VARIANT(isa, name) [isa] = &vd_backward_##name,
const vd_backward_kernels *const vd_backward[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

vd_status vd_norm_backward_check(const vd_op *op) {
    const vd_norm_backward *norm = &op->as.norm_backward;
    int valid = norm->x != NULL && norm->dy != NULL && norm->dx != NULL && norm->heads > 0 &&
                norm->d > 0 && (norm->per_head == 0 || norm->per_head == 1) &&
                (norm->frozen == 0 || norm->frozen == 1) &&
                (norm->kind == VD_NORM_RMS || norm->kind == VD_NORM_LAYER) && norm->epsilon >= 0 &&
                isfinite(norm->epsilon);
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_norm_backward_run(const vd_op *op, const vd_step *step) {
    const vd_norm_backward *norm = &op->as.norm_backward;
    vd_backward[step->isa]->norm(norm, vd_share(step->worker, step->rows * norm->heads));
}

// Workers share the columns, which are independent: each stores and reads its own part of the
// states, so that no barrier is needed.
#include "core/op_impl.h"
#include "recurrence/recurrence.h"

#define VD_VARIANT(isa, name) [isa] = vd_diagonal_recurrence_##name,
vd_diagonal_recurrence_kernel *const vd_diagonal_recurrence_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

#define VD_VARIANT(isa, name) [isa] = vd_diagonal_recurrence_backward_##name,
vd_diagonal_recurrence_backward_kernel
    *const vd_diagonal_recurrence_backward_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

static int has_inputs(const vd_op *op, const vd_diagonal_recurrence *r) {
    return r->x != NULL && r->decay != NULL && r->gate != NULL && r->d > 0 &&
           op->rows == VD_ROWS_TOKENS;
}

vd_status vd_diagonal_recurrence_check(const vd_op *op) {
    const vd_diagonal_recurrence *r = &op->as.diagonal_recurrence;
    int valid = has_inputs(op, r) && r->h != NULL && r->states != NULL && r->ring >= 2 &&
                r->stride % 64 == 0 && r->stride / (int64_t)sizeof(float) / r->ring >= r->d;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_diagonal_recurrence_run(const vd_op *op, const vd_step *step) {
    const vd_diagonal_recurrence *r = &op->as.diagonal_recurrence;
    vd_range columns = vd_share_vectors(step->worker, r->d);
    vd_diagonal_recurrence_kernels[step->isa](r, step->batch, columns);
}

vd_status vd_diagonal_recurrence_backward_check(const vd_op *op) {
    const vd_diagonal_recurrence_backward *b = &op->as.diagonal_recurrence_backward;
    int valid = has_inputs(op, &b->recurrence) && b->dh != NULL && b->ddecay != NULL &&
                b->dgate != NULL && b->dx != NULL;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_diagonal_recurrence_backward_run(const vd_op *op, const vd_step *step) {
    const vd_diagonal_recurrence_backward *b = &op->as.diagonal_recurrence_backward;
    vd_range columns = vd_share_vectors(step->worker, b->recurrence.d);
    vd_diagonal_recurrence_backward_kernels[step->isa](b, step->batch, columns);
}

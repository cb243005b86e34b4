// Workers share the heads, which are independent.
#include "recurrence/recurrence.h"

#include "core/op_impl.h"

#define VD_VARIANT(isa, name) [isa] = vd_recurrence_##name,
vd_recurrence_kernel *const vd_recurrence_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

int vd_recurrence_valid(const vd_recurrence *r) {
    int pointers = r->q != NULL && r->k != NULL && r->v != NULL && r->step != NULL &&
                   r->beta != NULL && r->a != NULL;
    int sizes = r->H_k > 0 && r->H > 0 && r->H % r->H_k == 0 && r->d_k > 0 &&
                r->d_k <= VD_HEAD_MAX && r->d_v > 0 && r->d_v <= VD_HEAD_MAX;
    int flags = (r->delta == 0 || r->delta == 1) && (r->tiled == 0 || r->tiled == 1);
    return pointers && sizes && flags;
}

vd_status vd_recurrence_check(const vd_op *op) {
    const vd_recurrence *r = &op->as.recurrence;
    if (!vd_recurrence_valid(r) || r->z == NULL || r->states == NULL ||
        op->rows != VD_ROWS_TOKENS) {
        return VD_INVALID_ARGUMENT;
    }
    int64_t bytes = r->H * vd_head_state_floats(r) * (int64_t)sizeof(float);
    return r->stride % 64 == 0 && r->stride >= bytes ? VD_OK : VD_INVALID_ARGUMENT;
}

vd_status vd_recurrence_fits(const vd_op *op, const vd_limits *limits, vd_isa isa) {
    (void)op;
    (void)isa;
    return limits->slots == 0 ? VD_INVALID_ARGUMENT : VD_OK;
}

void vd_recurrence_run(const vd_op *op, const vd_step *step) {
    const vd_recurrence *r = &op->as.recurrence;
    vd_recurrence_kernels[step->isa](r, step->batch, vd_share(step->worker, r->H));
}

#include "rope/rope.h"

#include "core/op_impl.h"

#define VD_VARIANT(isa, name) [isa] = vd_rope_##name,
vd_rope_kernel *const vd_rope_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

vd_status vd_rope_check(const vd_op *op) {
    const vd_rope *rope = &op->as.rope;
    int known = rope->pairs == VD_ROPE_INTERLEAVED || rope->pairs == VD_ROPE_HALVES;
    int valid = known && rope->x != NULL && rope->cos != NULL && rope->sin != NULL &&
                rope->y != NULL && rope->heads > 0 && rope->d_h > 0 && rope->d_rot > 0 &&
                rope->d_rot % 2 == 0 && rope->d_rot <= rope->d_h && op->rows == VD_ROWS_TOKENS;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_rope_run(const vd_op *op, const vd_step *step) {
    vd_range heads = vd_share(step->worker, step->rows * op->as.rope.heads);
    vd_rope_kernels[step->isa](&op->as.rope, step->batch->positions, heads);
}

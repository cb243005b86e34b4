#include "norm/norm.h"

#include <math.h>

#include "core/op_impl.h"

#define VD_VARIANT(isa, name) [isa] = vd_norm_##name,
vd_norm_kernel *const vd_norm_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

#define VD_VARIANT(isa, name) [isa] = vd_gain_##name,
vd_gain_kernel *const vd_gain_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

vd_status vd_norm_check(const vd_op *op) {
    const vd_norm *norm = &op->as.norm;
    int valid = norm->x != NULL && norm->y != NULL && norm->heads > 0 && norm->d > 0 &&
                (norm->per_head == 0 || norm->per_head == 1) &&
                (norm->kind == VD_NORM_RMS || norm->kind == VD_NORM_LAYER) && norm->epsilon >= 0 &&
                isfinite(norm->epsilon);
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_norm_replicate(vd_op *op, int64_t row) {
    vd_norm *norm = &op->as.norm;
    norm->y += row * norm->heads * norm->d;
    norm->scale += norm->scale == NULL ? 0 : row * norm->heads;
}

void vd_norm_run(const vd_op *op, const vd_step *step) {
    vd_norm_kernels[step->isa](&op->as.norm,
                               vd_share(step->worker, step->rows * op->as.norm.heads));
}

vd_status vd_gain_check(const vd_op *op) {
    const vd_gain *gain = &op->as.gain;
    int valid = gain->x != NULL && gain->gain != NULL && gain->y != NULL && gain->heads > 0 &&
                gain->d > 0 && (gain->per_head == 0 || gain->per_head == 1);
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_gain_replicate(vd_op *op, int64_t row) {
    vd_gain *gain = &op->as.gain;
    int64_t width = (int64_t)gain->heads * gain->d;
    gain->x += op->replicated & VD_REPLICATED_READ ? row * width : 0;
    gain->y += op->replicated & VD_REPLICATED_WRITE ? row * width : 0;
}

void vd_gain_run(const vd_op *op, const vd_step *step) {
    vd_gain_kernels[step->isa](&op->as.gain,
                               vd_share(step->worker, step->rows * op->as.gain.heads));
}

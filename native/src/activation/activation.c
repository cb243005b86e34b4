#include "activation/activation.h"

#include "core/op_impl.h"

#define VD_VARIANT(isa, name) [isa] = vd_activation_##name,
vd_activation_kernel *const vd_activation_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

vd_status vd_activation_check(const vd_op *op) {
    const vd_activation *activation = &op->as.activation;
    int known =
        activation->kind >= VD_ACTIVATION_SILU && activation->kind <= VD_ACTIVATION_SOFTPLUS;
    int valid = known && activation->x != NULL && activation->y != NULL && activation->width > 0;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_activation_run(const vd_op *op, const vd_step *step) {
    vd_range range = vd_share(step->worker, step->rows * op->as.activation.width);
    vd_activation_kernels[step->isa](&op->as.activation, range);
}

void vd_activation_tile(const vd_op *op, const vd_step *step, vd_range rows, vd_range columns) {
    for (int64_t row = rows.begin; row < rows.end; row++) {
        int64_t first = row * op->as.activation.width;
        vd_range range = {first + columns.begin, first + columns.end};
        vd_activation_kernels[step->isa](&op->as.activation, range);
    }
}

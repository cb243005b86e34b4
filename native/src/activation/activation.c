// The activation functions and their gradients.
#include "activation/activation.h"

#include "core/op_impl.h"

#define VD_VARIANT(isa, name) [isa] = vd_activation_##name,
vd_activation_kernel *const vd_activation_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

#define VD_VARIANT(isa, name) [isa] = vd_activation_backward_##name,
vd_activation_backward_kernel *const vd_activation_backward_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

static int is_kind(int32_t kind) { return kind >= 0 && kind < VD_ACTIVATION_COUNT; }

vd_status vd_activation_check(const vd_op *op) {
    const vd_activation *a = &op->as.activation;
    int valid = is_kind(a->kind) && a->x != NULL && a->y != NULL && a->width > 0;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

vd_status vd_activation_backward_check(const vd_op *op) {
    const vd_activation_backward *a = &op->as.activation_backward;
    int slope = a->slope == VD_SLOPE_DERIVATIVE || a->slope == VD_SLOPE_SECANT;
    int valid =
        is_kind(a->kind) && slope && a->x != NULL && a->dy != NULL && a->dx != NULL && a->width > 0;
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

void vd_activation_backward_run(const vd_op *op, const vd_step *step) {
    const vd_activation_backward *a = &op->as.activation_backward;
    vd_range range = vd_share(step->worker, step->rows * a->width);
    vd_activation_backward_kernels[step->isa](a, range);
}

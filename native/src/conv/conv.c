// Workers share the columns, which are independent: each stores and reads its own part of the
// cached rows, so that no barrier is needed.
#include "conv/conv.h"

#include "core/op_impl.h"

#define VD_VARIANT(isa, name) [isa] = vd_conv_##name,
vd_conv_kernel *const vd_conv_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

vd_status vd_conv_check(const vd_op *op) {
    const vd_conv *conv = &op->as.conv;
    int64_t length = conv->ring > 0 ? conv->ring : VD_KV_BLOCK;
    int64_t widest = conv->stride / (int64_t)sizeof(float) / length;
    int valid = conv->x != NULL && conv->kernel != NULL && conv->y != NULL && conv->rows != NULL &&
                conv->d > 0 && conv->L > 0 && conv->stride % 64 == 0 && conv->d <= widest &&
                (conv->ring == 0 || conv->ring >= conv->L) && op->rows == VD_ROWS_TOKENS;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// A ring is part of a sequence's slot.
vd_status vd_conv_fits(const vd_op *op, const vd_limits *limits, vd_isa isa) {
    (void)isa;
    return op->as.conv.ring > 0 && limits->slots == 0 ? VD_INVALID_ARGUMENT : VD_OK;
}

void vd_conv_run(const vd_op *op, const vd_step *step) {
    const vd_conv *conv = &op->as.conv;
    vd_conv_kernels[step->isa](conv, step->batch, vd_share_vectors(step->worker, conv->d));
}

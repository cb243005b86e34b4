#include "quantize/quantize.h"

#include "core/op_impl.h"
#include "types/types.h"

#define VD_VARIANT(isa, name) [isa] = vd_quantize_##name,
vd_quantize_kernel *const vd_quantize_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

vd_status vd_quantize_check(const vd_op *op) {
    const vd_quantize *quantize = &op->as.quantize;
    const vd_quantized *y = &quantize->y;
    int valid = quantize->x != NULL && y->q != NULL && y->scale != NULL && y->sum != NULL &&
                y->scaled_sum != NULL && quantize->K > 0 && quantize->K % VD_BLOCK == 0;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_quantize_replicate(vd_op *op, int64_t row) {
    vd_quantize *quantize = &op->as.quantize;
    if (op->replicated & VD_REPLICATED_READ) {
        quantize->x += row * quantize->K;
    }
    if (op->replicated & VD_REPLICATED_WRITE) {
        vd_advance_quantized(&quantize->y, row, quantize->K);
    }
}

void vd_quantize_run(const vd_op *op, const vd_step *step) {
    const vd_quantize *quantize = &op->as.quantize;
    vd_range blocks = vd_share(step->worker, step->rows * (quantize->K / VD_BLOCK));
    vd_quantize_kernels[step->isa](quantize->x, quantize->y, blocks);
}

void vd_quantize_tile(const vd_op *op, const vd_step *step, vd_range rows, vd_range columns) {
    const vd_quantize *quantize = &op->as.quantize;
    for (int64_t row = rows.begin; row < rows.end; row++) {
        int64_t first = row * (quantize->K / VD_BLOCK);
        vd_range blocks = {first + columns.begin / VD_BLOCK, first + columns.end / VD_BLOCK};
        vd_quantize_kernels[step->isa](quantize->x, quantize->y, blocks);
    }
}

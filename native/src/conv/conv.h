#ifndef VD_CONV_CONV_H
#define VD_CONV_CONV_H

#include "attention/window.h"
#include "core/arch.h"
#include "core/pool.h"

// Stores columns of x for all tokens of the batch, and convolves them.
typedef void vd_conv_kernel(const vd_conv *op, const vd_batch *batch, vd_range columns);

#define VD_VARIANT(isa, name) vd_conv_kernel vd_conv_##name;
#include "simd/variants_v16.inc"
#undef VD_VARIANT

extern vd_conv_kernel *const vd_conv_kernels[VD_ISA_COUNT];

// Returns the stored row of a position of a sequence.
VD_INLINE float *vd_conv_row(const vd_conv *op, const vd_batch *batch, int64_t sequence,
                             int64_t position) {
    int64_t length = op->ring > 0 ? op->ring : VD_KV_BLOCK;
    int64_t place =
        op->ring > 0 ? batch->slots[sequence]
                     : batch->block_tables[sequence * batch->max_blocks + position / VD_KV_BLOCK];
    return (float *)((char *)op->rows + place * op->stride) + position % length * op->d;
}

#endif

#ifndef VD_CONV_CONV_H
#define VD_CONV_CONV_H

#include "core/arch.h"
#include "core/pool.h"
#include "core/window.h"

// Stores columns of x for all tokens of the batch, and convolves them.
typedef void vd_conv_kernel(const vd_conv *op, const vd_batch *batch, vd_range columns);

#define VD_VARIANT(isa, name) vd_conv_kernel vd_conv_##name;
#include "conv/conv_kernels.inc"
#undef VD_VARIANT

extern vd_conv_kernel *const vd_conv_kernels[VD_ISA_COUNT];

// The worker's share of d columns: whole vectors, but for the last one.
vd_range vd_conv_columns(const vd_worker *worker, int64_t d);

// The cached row of a position. `blocks` is the sequence's row of the block tables.
VD_INLINE float *vd_conv_row(const vd_conv *op, const int32_t *blocks, int64_t position) {
    char *block = (char *)op->rows + blocks[position / VD_KV_BLOCK] * op->stride;
    return (float *)block + position % VD_KV_BLOCK * op->d;
}

// The row of the block tables of token i of the batch.
VD_INLINE const int32_t *vd_conv_blocks(const vd_batch *batch, int64_t i) {
    return batch->block_tables + (int64_t)batch->sequences[i] * batch->max_blocks;
}

#endif

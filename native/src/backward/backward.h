// The kernels of backward operations: one table for each instruction set. docs/numerics.md defines
// them.
#ifndef VD_BACKWARD_BACKWARD_H
#define VD_BACKWARD_BACKWARD_H

#include "attention/window.h"
#include "core/arch.h"
#include "core/pool.h"
#include "types/types.h"

// A segment: adjacent rows of one sequence.
typedef struct vd_segment {
    const vd_attention_backward *op;
    const int32_t *blocks;     // the sequence's row of the block tables
    const int32_t *positions;  // of all rows
    vd_range rows;
} vd_segment;

enum {
    VD_BACKWARD_COLUMNS = 32,  // columns of dx in a tile of a product; the unit of packed weights
    VD_KEYS = 32,              // positions of a work item of the key-value gradient
};

typedef struct vd_backward_kernels {
    // Differentiates heads, counted over all rows as in vd_norm_kernel.
    void (*norm)(const vd_norm_backward *op, vd_range heads);
    // Computes columns [column, column + VD_BACKWARD_COLUMNS) of dx, or up to the last one; column
    // is a multiple of VD_BACKWARD_COLUMNS. Row m of the product is row row_indices[m] of dy and
    // dx, or row m if row_indices is null.
    void (*matmul)(const vd_matmul_backward *op, const int32_t *row_indices, vd_range rows,
                   int64_t column, void *scratch);
    // Differentiates rows.
    void (*expert_sum)(const vd_expert_sum_backward *op, vd_range rows);
    // Differentiates columns of all rows of the batch.
    void (*conv)(const vd_conv_backward *op, const vd_batch *batch, vd_range columns);
    // Computes all gradients of a key head, and of the value heads that read it, over a segment.
    void (*recurrence)(const vd_recurrence_backward *op, vd_range rows, int64_t key_head,
                       void *scratch);
    // Computes dq and statistics of the query heads of a key-value head for some tokens of the
    // segment.
    void (*queries)(const vd_segment *segment, int32_t head, vd_range tokens, void *scratch);
    // Computes dk and dv of a key-value head for the segment's tokens at positions [t, t +
    // VD_KEYS); t is a multiple of VD_KEYS.
    void (*keys)(const vd_segment *segment, int32_t head, int64_t t, void *scratch);
} vd_backward_kernels;

#define VD_VARIANT(isa, name) extern const vd_backward_kernels vd_backward_##name;
#include "simd/variants_v16.inc"
#undef VD_VARIANT

extern const vd_backward_kernels *const vd_backward[VD_ISA_COUNT];

void vd_norm_backward_scalar(const vd_norm_backward *op, vd_range heads);
void vd_matmul_backward_scalar(const vd_matmul_backward *op, const int32_t *row_indices,
                               vd_range rows, int64_t column, void *scratch);
void vd_expert_sum_backward_scalar(const vd_expert_sum_backward *op, vd_range rows);
void vd_conv_backward_scalar(const vd_conv_backward *op, const vd_batch *batch, vd_range columns);
void vd_recurrence_backward_scalar(const vd_recurrence_backward *op, vd_range rows,
                                   int64_t key_head, void *scratch);
void vd_query_backward_scalar(const vd_segment *segment, int32_t head, vd_range tokens,
                              void *scratch);
void vd_key_value_backward_scalar(const vd_segment *segment, int32_t head, int64_t t,
                                  void *scratch);

// Returns the row after the segment that begins at row `begin`.
VD_INLINE int64_t vd_segment_end(const vd_batch *batch, int64_t begin) {
    int64_t end = begin + 1;
    while (end < batch->n_tokens && batch->sequences[end] == batch->sequences[begin]) {
        end++;
    }
    return end;
}

// Returns the first position that the query at position end - 1 attends to.
VD_INLINE int64_t vd_first_position(const vd_attention *op, int64_t end) {
    return vd_window_begin(op->window, op->shape, (int32_t)end - 1);
}

// Returns the offset of a row's query head in q and dq.
VD_INLINE int64_t vd_query_offset(const vd_attention *op, int64_t row, int32_t head) {
    return (row * op->H + head) * op->cache.d_h;
}

// Returns the offset of a row's query head in dz.
VD_INLINE int64_t vd_result_offset(const vd_attention *op, int64_t row, int32_t head) {
    return (row * op->H + head) * op->cache.d_v;
}

// Returns the row after the last one with a convolution that reads token row i. Rows of a sequence
// are adjacent.
VD_INLINE int64_t vd_conv_reach(const vd_conv_backward *op, const vd_batch *batch, int64_t i) {
    int64_t end = i + 1;
    while (end < batch->n_tokens && batch->sequences[end] == batch->sequences[i] &&
           batch->positions[end] - batch->positions[i] < op->L) {
        end++;
    }
    return end;
}

// Returns the weights [d] by which the convolution of row j multiplies row i.
VD_INLINE const float *vd_conv_weights(const vd_conv_backward *op, const vd_batch *batch, int64_t i,
                                       int64_t j) {
    int64_t distance = batch->positions[j] - batch->positions[i];
    return op->kernel + (op->L - 1 - distance) * op->d;
}

VD_INLINE int64_t vd_row_of(const int32_t *row_indices, int64_t m) {
    return row_indices == NULL ? m : row_indices[m];
}

#endif

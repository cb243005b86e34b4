// The kernels of operations backward: one set for each set of instructions. docs/numerics.md
// defines them.
#ifndef VD_BACKWARD_BACKWARD_H
#define VD_BACKWARD_BACKWARD_H

#include "attention/window.h"
#include "core/arch.h"
#include "core/pool.h"
#include "types/types.h"

// A run of adjacent rows of one sequence.
typedef struct vd_segment {
    const vd_attention_backward *op;
    const int32_t *blocks;     // the sequence's row of the block tables
    const int32_t *positions;  // of all rows
    vd_range rows;
} vd_segment;

enum {
    VD_BACKWARD_COLUMNS = 32,  // of dx in a tile of a product; packed weights change every 32
    VD_KEYS = 32,              // positions of a unit of work of attention backward
};

typedef struct vd_backward_kernels {
    // Heads of all rows, as vd_norm_kernel.
    void (*norm)(const vd_norm_backward *op, vd_range heads);
    // Elements of all rows.
    void (*activation)(const vd_activation_backward *op, vd_range elements);
    // Columns [column, column + VD_BACKWARD_COLUMNS) of dx, as far as there are so many; column is
    // a multiple of VD_BACKWARD_COLUMNS. Row m of the product is row chosen[m] of dy and dx, or m
    // where chosen is null.
    void (*matmul)(const vd_matmul_backward *op, const int32_t *row_indices, vd_range rows,
                   int64_t column, void *scratch);
    // Rows.
    void (*expert_sum)(const vd_expert_sum_backward *op, vd_range rows);
    // Columns of all rows of the batch.
    void (*conv)(const vd_conv_backward *op, const vd_batch *batch, vd_range columns);
    // All gradients of a head of keys, and of the heads of values that read it, in a run of rows.
    void (*recurrence)(const vd_recurrence_backward *op, vd_range rows, int64_t key_head,
                       void *scratch);
    // dq and statistics of the query heads of a key-value head for some tokens of the run.
    void (*queries)(const vd_segment *segment, int32_t head, vd_range tokens, void *scratch);
    // dk and dv of a key-value head for the tokens of the run at positions [t, t + VD_KEYS); t is a
    // multiple of VD_KEYS.
    void (*keys)(const vd_segment *segment, int32_t head, int64_t t, void *scratch);
} vd_backward_kernels;

#define VD_VARIANT(isa, name) extern const vd_backward_kernels vd_backward_##name;
#include "backward/backward_kernels.inc"
#undef VD_VARIANT

extern const vd_backward_kernels *const vd_backward[VD_ISA_COUNT];

void vd_norm_backward_scalar(const vd_norm_backward *op, vd_range heads);
void vd_activation_backward_scalar(const vd_activation_backward *op, vd_range elements);
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

// The row after the run of adjacent rows of one sequence that begins at row `begin`.
VD_INLINE int64_t vd_segment_end(const vd_batch *batch, int64_t begin) {
    int64_t end = begin + 1;
    while (end < batch->n_tokens && batch->sequences[end] == batch->sequences[begin]) {
        end++;
    }
    return end;
}

// Positions up to the query's own are `first` to `end` - 1.
VD_INLINE int64_t vd_first_position(const vd_attention *op, int64_t end) {
    return vd_window_begin(op->window, op->aligned, (int32_t)end - 1);
}

// Where the query of a row and head begins in q and dq.
VD_INLINE int64_t vd_query_offset(const vd_attention *op, int64_t row, int32_t head) {
    return (row * op->H + head) * op->cache.d_h;
}

// Where its part begins in dz.
VD_INLINE int64_t vd_result_offset(const vd_attention *op, int64_t row, int32_t head) {
    return (row * op->H + head) * op->cache.d_v;
}

// The row after the last one whose convolution reads the token of row i: rows of a sequence lie
// adjacent.
VD_INLINE int64_t vd_conv_reach(const vd_conv_backward *op, const vd_batch *batch, int64_t i) {
    int64_t end = i + 1;
    while (end < batch->n_tokens && batch->sequences[end] == batch->sequences[i] &&
           batch->positions[end] - batch->positions[i] < op->L) {
        end++;
    }
    return end;
}

// What the convolution of row j multiplies the token of row i with, [d].
VD_INLINE const float *vd_conv_weights(const vd_conv_backward *op, const vd_batch *batch, int64_t i,
                                       int64_t j) {
    int64_t distance = batch->positions[j] - batch->positions[i];
    return op->kernel + (op->L - 1 - distance) * op->d;
}

VD_INLINE int64_t vd_row_of(const int32_t *row_indices, int64_t m) {
    return row_indices == NULL ? m : row_indices[m];
}

#endif

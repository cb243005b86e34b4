#ifndef VD_RECURRENCE_RECURRENCE_H
#define VD_RECURRENCE_RECURRENCE_H

#include <string.h>

#include "core/arch.h"
#include "core/pool.h"

// Runs some heads for all tokens of the batch.
typedef void vd_recurrence_kernel(const vd_recurrence *op, const vd_batch *batch, vd_range heads);

// Computes, or differentiates, columns of all tokens of the batch.
typedef void vd_diagonal_recurrence_kernel(const vd_diagonal_recurrence *op, const vd_batch *batch,
                                           vd_range columns);

typedef void vd_diagonal_recurrence_backward_kernel(const vd_diagonal_recurrence_backward *op,
                                                    const vd_batch *batch, vd_range columns);

#define VD_VARIANT(isa, name)                                    \
    vd_recurrence_kernel vd_recurrence_##name;                   \
    vd_diagonal_recurrence_kernel vd_diagonal_recurrence_##name; \
    vd_diagonal_recurrence_backward_kernel vd_diagonal_recurrence_backward_##name;
#include "simd/variants_v16.inc"
#undef VD_VARIANT

extern vd_recurrence_kernel *const vd_recurrence_kernels[VD_ISA_COUNT];
extern vd_diagonal_recurrence_kernel *const vd_diagonal_recurrence_kernels[VD_ISA_COUNT];

// Returns whether all sizes and flags are valid and all inputs are present.
int vd_recurrence_valid(const vd_recurrence *op);

// A head's part of a slot.
typedef struct vd_head_state {
    float *state;    // [d_k, d_v]
    float *keys;     // [d_k, VD_SPAN]
    float *updates;  // [VD_SPAN, d_v]
    float *decays;   // [VD_SPAN], logarithms accumulated from the start of the span
    int32_t *span;   // the state belongs to the start of this span
} vd_head_state;

// Returns the number of floats in a head's part of a slot.
VD_INLINE int64_t vd_head_state_floats(const vd_recurrence *op) {
    int64_t span = VD_SPAN * ((int64_t)op->d_k + op->d_v + 2);
    return (int64_t)op->d_k * op->d_v + span;
}

VD_INLINE vd_head_state vd_head_state_of(const vd_recurrence *op, int64_t slot, int64_t head) {
    float *state =
        (float *)((char *)op->states + slot * op->stride) + head * vd_head_state_floats(op);
    float *keys = state + (int64_t)op->d_k * op->d_v;
    float *updates = keys + (int64_t)op->d_k * VD_SPAN;
    float *decays = updates + (int64_t)op->d_v * VD_SPAN;
    return (vd_head_state){state, keys, updates, decays, (int32_t *)(decays + VD_SPAN)};
}

// Returns the query-key head that a value head reads.
VD_INLINE int64_t vd_key_head(const vd_recurrence *op, int64_t head) {
    return op->tiled ? head % op->H_k : head / (op->H / op->H_k);
}

extern vd_diagonal_recurrence_backward_kernel
    *const vd_diagonal_recurrence_backward_kernels[VD_ISA_COUNT];

// Returns whether two rows of the batch exist and belong to one sequence.
VD_INLINE int vd_same_sequence(const vd_batch *batch, int64_t i, int64_t j) {
    return i >= 0 && j < batch->n_tokens && batch->sequences[i] == batch->sequences[j];
}

// Returns the state [d] of a position of the sequence that the slot belongs to.
VD_INLINE float *vd_state_row(const vd_diagonal_recurrence *op, int64_t slot, int64_t position) {
    return (float *)((char *)op->states + slot * op->stride) + position % op->ring * op->d;
}

// Announces the next position, and clears the state at position 0. Returns whether the previous
// span must first be folded into the state.
VD_INLINE int vd_state_begin(const vd_recurrence *op, vd_head_state s, int32_t position) {
    int32_t before = *s.span;
    *s.span = position / VD_SPAN;
    if (position == 0) {
        memset(s.state, 0, sizeof(float) * (size_t)op->d_k * (size_t)op->d_v);
        return 0;
    }
    return before != *s.span;
}

// Returns the number of rows from row i on that are adjacent positions of one span of a sequence.
VD_INLINE int32_t vd_span_tokens(const vd_batch *batch, int64_t i) {
    int32_t first = batch->positions[i], most = VD_SPAN - first % VD_SPAN, n = 1;
    while (n < most && i + n < batch->n_tokens && batch->sequences[i + n] == batch->sequences[i] &&
           batch->positions[i + n] == first + n) {
        n++;
    }
    return n;
}

#endif

// Attention windows.
#ifndef VD_ATTENTION_WINDOW_H
#define VD_ATTENTION_WINDOW_H

#include <stdint.h>

#include "core/arch.h"
#include "vidrio.h"

// Returns the first position that a token attends to. A window of 0 covers all positions.
VD_INLINE int32_t vd_window_begin(int32_t window, int32_t shape, int32_t position) {
    int32_t first = shape == VD_WINDOW_WITHOUT_FIRST && position > 0;
    if (window == 0) {
        return first;
    }
    if (shape == VD_WINDOW_ALIGNED) {
        return position - position % window;
    }
    int32_t before = shape == VD_WINDOW_CENTERED ? window / 2 : window - 1;
    return position - before > first ? position - before : first;
}

// Returns the position after the last one that a token attends to. `last` is the last position of
// its sequence in the step.
VD_INLINE int32_t vd_window_end(int32_t window, int32_t shape, int32_t position, int32_t last) {
    if (shape != VD_WINDOW_CENTERED) {
        return position + 1;
    }
    return (window == 0 || last - position <= window / 2 ? last : position + window / 2) + 1;
}

// Returns the last position of a row's sequence. Rows of a sequence are adjacent.
VD_INLINE int32_t vd_last_position(const vd_batch *batch, int64_t row) {
    while (row + 1 < batch->n_tokens && batch->sequences[row + 1] == batch->sequences[row]) {
        row++;
    }
    return batch->positions[row];
}

VD_INLINE int vd_window_valid(int32_t window, int32_t shape) {
    return window >= 0 && shape >= VD_WINDOW_SLIDING && shape <= VD_WINDOW_WITHOUT_FIRST;
}

#endif

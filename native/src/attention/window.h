// Attention windows.
#ifndef VD_ATTENTION_WINDOW_H
#define VD_ATTENTION_WINDOW_H

#include <stdint.h>

#include "core/arch.h"

// Returns the first position that a token attends to: a window ends with the token or, if aligned,
// begins at a multiple of its length. A window of 0 covers all positions.
VD_INLINE int32_t vd_window_begin(int32_t window, int32_t aligned, int32_t position) {
    if (window == 0) {
        return 0;
    }
    if (aligned) {
        return position - position % window;
    }
    return position >= window ? position + 1 - window : 0;
}

VD_INLINE int vd_window_valid(int32_t window, int32_t aligned) {
    return window >= 0 && (aligned == 0 || aligned == 1);
}

#endif

// Attention windows, by definition.
#ifndef VD_TEST_SUPPORT_WINDOW_H
#define VD_TEST_SUPPORT_WINDOW_H

#include <stdint.h>

// Returns the first position that the token at position `end` - 1 attends to.
static inline int32_t first_attended(int32_t window, int32_t aligned, int32_t end) {
    int32_t first = end - 1;
    while (first > 0 && (window == 0 || (aligned ? first % window > 0 : end - first < window))) {
        first--;
    }
    return first;
}

#endif

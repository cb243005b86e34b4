// Attention windows, by definition.
#ifndef VD_TEST_SUPPORT_WINDOW_H
#define VD_TEST_SUPPORT_WINDOW_H

#include <stdint.h>

// Returns the first position that the token at position `end` - 1 attends to.
static inline int32_t first_attended(int32_t window, int32_t shape, int32_t end) {
    int32_t first = end - 1, least = shape == VD_WINDOW_WITHOUT_FIRST && first > 0;
    while (first > least &&
           (window == 0 || (shape == VD_WINDOW_ALIGNED    ? first % window > 0
                            : shape == VD_WINDOW_CENTERED ? end - first <= window / 2
                                                          : end - first < window))) {
        first--;
    }
    return first;
}

// Returns the position after the last one that the token at a position attends to, in a sequence
// that ends with position `last`.
static inline int32_t end_attended(int32_t window, int32_t shape, int32_t position, int32_t last) {
    int32_t end = position + 1;
    while (shape == VD_WINDOW_CENTERED && end <= last &&
           (window == 0 || end - position <= window / 2)) {
        end++;
    }
    return end;
}

#endif

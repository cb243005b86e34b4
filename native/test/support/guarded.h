// Memory whose last or first byte lies against a page that nobody may touch. What is left of its
// pages on the other side is checked when it is freed.
#ifndef VD_TEST_GUARDED_H
#define VD_TEST_GUARDED_H

#include <stddef.h>

typedef enum placement {
    AT_END = 0,    // the last byte lies before a guard page
    AT_START = 1,  // the first byte lies behind a guard page
    PLACEMENTS = 2,
} placement;

enum { CANARY = 0xa5 };

// Filled with CANARY.
void *guarded_alloc(size_t bytes, placement where);

// Filled with a copy of `bytes` of `from`.
void *guarded_copy(const void *from, size_t bytes, placement where);

// How many of these bytes, from the first on, nobody wrote after they were filled with CANARY.
size_t canaries(const void *memory, size_t bytes);

// Frees everything, and fails if something was written around it.
void guarded_free_all(void);

#endif

// Buffers with an inaccessible page directly after or before them. The rest of the buffer's own
// pages is checked when it is freed.
#ifndef VD_TEST_GUARDED_H
#define VD_TEST_GUARDED_H

#include <stddef.h>

typedef enum placement {
    AT_END = 0,    // the buffer ends at a guard page
    AT_START = 1,  // the buffer begins after a guard page
    PLACEMENTS = 2,
} placement;

enum { CANARY = 0xa5 };

// Returns a buffer filled with CANARY.
void *guarded_alloc(size_t bytes, placement where);

// Returns a buffer with a copy of `bytes` of `from`.
void *guarded_copy(const void *from, size_t bytes, placement where);

// Returns the number of leading bytes that still are CANARY.
size_t canaries(const void *memory, size_t bytes);

// Frees all buffers. Fails if bytes around a buffer were written.
void guarded_free_all(void);

#endif

// Weights fetched before they are read. A tile's weights end the hardware's streams, so memory
// would pause at each; instead the weights of the next tile, which lie next in memory, are fetched
// at the pace of this one. A whole tile of distance is what keeps memory busy. Short tiles wait in
// the first-level cache. Longer ones would drive each other out of it, and where several tiles of
// tokens read the same weights the first one fetches faster than it takes: these wait in the second
// (docs/adr/005-panel-gemm.md).
#ifndef VD_MATMUL_AHEAD_H
#define VD_MATMUL_AHEAD_H

#include <stddef.h>
#include <stdint.h>

#include "core/arch.h"

enum {
    VD_NEAR_BYTES = 8 << 10,     // a tile's share of the first-level cache
    VD_AHEAD_BYTES = 256 << 10,  // and of the second
};

// Where the next tile begins, and whether it goes to the first-level cache. Null: nothing is
// fetched.
typedef struct vd_ahead {
    const uint8_t *next;
    int is_near;
} vd_ahead;

VD_INLINE vd_ahead vd_nothing_ahead(void) { return (vd_ahead){NULL, 0}; }

// After weights of `bytes` that `passes` tiles of tokens read. Nothing where these are the last, or
// are long enough to be streams that the hardware fetches well by itself.
VD_INLINE vd_ahead vd_after_tile(const void *tile, int64_t bytes, int64_t passes, int is_last) {
    if (is_last || bytes > VD_AHEAD_BYTES) {
        return vd_nothing_ahead();
    }
    return (vd_ahead){(const uint8_t *)tile + bytes, passes == 1 && bytes <= VD_NEAR_BYTES};
}

// To the first-level cache.
VD_INLINE void vd_fetch_near(const uint8_t *p, const int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += 64) {
        __builtin_prefetch(p + i, 0, 3);
    }
}

VD_INLINE void vd_fetch_far(const uint8_t *p, const int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += 64) {
        __builtin_prefetch(p + i, 0, 2);
    }
}

// Fetches as many bytes and goes on to the following ones.
VD_INLINE void vd_fetch(vd_ahead *ahead, const int64_t bytes) {
    if (ahead->next == NULL) {
        return;
    }
    if (ahead->is_near) {
        vd_fetch_near(ahead->next, bytes);
    } else {
        vd_fetch_far(ahead->next, bytes);
    }
    ahead->next += bytes;
}

#endif

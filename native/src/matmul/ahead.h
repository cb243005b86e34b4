// Weights fetched before they are read. A tile's weights end the hardware's streams, so memory
// would pause at each; instead the weights of the next tile, which lie next in memory, are fetched
// at the pace of this one. A whole tile of distance is what keeps memory busy; what the first-level
// cache cannot hold until it is read waits in the second.
#ifndef VD_MATMUL_AHEAD_H
#define VD_MATMUL_AHEAD_H

#include <stddef.h>
#include <stdint.h>

#include "core/arch.h"

enum { VD_AHEAD_BYTES = 256 << 10 };  // a tile's share of the second-level cache

// Where the next tile begins, `bytes` after this one. Null where there is none, or where tiles are
// long enough to be streams that the hardware fetches well by itself.
VD_INLINE const uint8_t *vd_ahead(const void *tile, int64_t bytes, int is_last) {
    return is_last || bytes > VD_AHEAD_BYTES ? NULL : (const uint8_t *)tile + bytes;
}

// Fetches as many bytes and returns where the following ones begin.
VD_INLINE const uint8_t *vd_fetch(const uint8_t *ahead, const int64_t bytes) {
    if (ahead == NULL) {
        return NULL;
    }
    for (int64_t i = 0; i < bytes; i += 64) {
        __builtin_prefetch(ahead + i, 0, 3);
    }
    return ahead + bytes;
}

#endif

// Weights fetched before they are read. They lie in the order in which tiles read them, but every
// tile is a new stream to the hardware, at whose beginning memory would pause. So they are fetched
// at the pace at which tiles use them, and wait in the second-level cache: the first one takes
// lines more slowly, and holds what tiles compute with (docs/adr/005-panel-gemm.md).
#ifndef VD_MATMUL_WEIGHT_PREFETCH_H
#define VD_MATMUL_WEIGHT_PREFETCH_H

#include <stddef.h>
#include <stdint.h>

#include "core/arch.h"
#include "simd/prefetch.h"

enum { VD_PREFETCH_BYTES = 24 << 10 };  // at least, so that memory is always busy

// What is fetched next, until the end.
typedef struct vd_prefetcher {
    const uint8_t *next;
    const uint8_t *end;
} vd_prefetcher;

// While a tile is read, the first of the `left` bytes from `tile` on. At least a tile ahead, since
// it reads its rows, their codes and their factors, side by side.
VD_INLINE vd_prefetcher vd_prefetcher_of(const void *tile, int64_t tile_bytes, int64_t left) {
    const uint8_t *begin = tile;
    int64_t distance = tile_bytes < VD_PREFETCH_BYTES ? VD_PREFETCH_BYTES : tile_bytes;
    return (vd_prefetcher){begin + (distance < left ? distance : left), begin + left};
}

// To be called for every `bytes` that are read for the first time; null for what is read again.
VD_INLINE void vd_prefetch_next(vd_prefetcher *prefetcher, const int64_t bytes) {
    if (prefetcher != NULL && prefetcher->next < prefetcher->end) {
        vd_prefetch(prefetcher->next, bytes);
        prefetcher->next += bytes;
    }
}

#endif

// Software prefetch of weights. They are stored in the order in which tiles read them, but the
// hardware prefetcher restarts at each tile, which would stall. They are fetched at the rate at
// which tiles consume them, into the L2 cache: L1 accepts lines more slowly and holds the operands
// of tiles (docs/adr/005-panel-gemm.md).
#ifndef VD_MATMUL_WEIGHT_PREFETCH_H
#define VD_MATMUL_WEIGHT_PREFETCH_H

#include <stdint.h>

#include "core/arch.h"
#include "simd/prefetch.h"

enum { VD_PREFETCH_BYTES = 24 << 10 };  // minimum distance, so that memory is always busy

// The range that remains to be fetched.
typedef struct vd_prefetcher {
    const uint8_t *next;
    const uint8_t *end;
    int64_t passes;  // over a tile's weights
    int64_t calls;   // since the last prefetch
} vd_prefetcher;

// Starts at a tile of the `left` bytes from `tile` on. The distance is at least a tile, since a
// tile reads its rows, codes and factors side by side. Several passes over a tile's weights share
// the prefetches evenly: memory would otherwise limit the first pass and be idle during the others.
VD_INLINE vd_prefetcher vd_prefetcher_of(const void *tile, int64_t tile_bytes, int64_t left,
                                         int64_t passes) {
    const uint8_t *begin = tile;
    int64_t distance = tile_bytes < VD_PREFETCH_BYTES ? VD_PREFETCH_BYTES : tile_bytes;
    return (vd_prefetcher){begin + (distance < left ? distance : left), begin + left, passes, 0};
}

// Prefetches the next `bytes`, on one call for each number of passes. Called whenever a pass reads
// as many bytes.
VD_INLINE void vd_prefetch_next(vd_prefetcher *prefetcher, const int64_t bytes) {
    if (++prefetcher->calls < prefetcher->passes) {
        return;
    }
    prefetcher->calls = 0;
    if (prefetcher->next < prefetcher->end) {
        vd_prefetch(prefetcher->next, bytes);
        prefetcher->next += bytes;
    }
}

#endif

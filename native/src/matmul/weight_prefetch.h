// Software prefetch of weights. They are stored in the order in which tiles read them, but the
// hardware prefetcher restarts at each tile, which would stall. They are fetched at the rate at
// which tiles consume them, into the L2 cache: L1 accepts lines more slowly and holds the operands
// of tiles (docs/adr/005-panel-gemm.md).
#ifndef VD_MATMUL_WEIGHT_PREFETCH_H
#define VD_MATMUL_WEIGHT_PREFETCH_H

#include <stddef.h>
#include <stdint.h>

#include "core/arch.h"
#include "simd/prefetch.h"

enum { VD_PREFETCH_BYTES = 24 << 10 };  // minimum distance, so that memory is always busy

// The range that remains to be fetched.
typedef struct vd_prefetcher {
    const uint8_t *next;
    const uint8_t *end;
} vd_prefetcher;

// Starts at a tile of the `left` bytes from `tile` on. The distance is at least a tile, since a
// tile reads its rows, codes and factors side by side.
VD_INLINE vd_prefetcher vd_prefetcher_of(const void *tile, int64_t tile_bytes, int64_t left) {
    const uint8_t *begin = tile;
    int64_t distance = tile_bytes < VD_PREFETCH_BYTES ? VD_PREFETCH_BYTES : tile_bytes;
    return (vd_prefetcher){begin + (distance < left ? distance : left), begin + left};
}

// Prefetches the next `bytes`. Called whenever as many bytes are read for the first time; a null
// prefetcher does nothing.
VD_INLINE void vd_prefetch_next(vd_prefetcher *prefetcher, const int64_t bytes) {
    if (prefetcher != NULL && prefetcher->next < prefetcher->end) {
        vd_prefetch(prefetcher->next, bytes);
        prefetcher->next += bytes;
    }
}

#endif

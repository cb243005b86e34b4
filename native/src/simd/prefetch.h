// Software prefetch.
#ifndef VD_SIMD_PREFETCH_H
#define VD_SIMD_PREFETCH_H

#include <stdint.h>

#include "core/arch.h"
#include "core/pool.h"

// Prefetches into the L1 cache.
VD_INLINE void vd_prefetch_near(const void *p, const int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += VD_CACHE_LINE) {
        __builtin_prefetch((const char *)p + i, 0, 3);
    }
}

// Prefetches into the L2 cache.
VD_INLINE void vd_prefetch(const void *p, const int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += VD_CACHE_LINE) {
        __builtin_prefetch((const char *)p + i, 0, 2);
    }
}

#endif

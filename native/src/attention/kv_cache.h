// Addresses in the paged key-value cache; the layout stands at vd_kv_cache.
#ifndef VD_ATTENTION_KV_CACHE_H
#define VD_ATTENTION_KV_CACHE_H

#include "core/arch.h"
#include "vidrio.h"

// The keys of positions [t, t + VD_KV_LANES) of a head, [d_h, VD_KV_LANES]; t is a multiple of
// VD_KV_LANES. `blocks` is the sequence's row of the block tables.
VD_INLINE float *vd_key_tile(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                             int64_t t) {
    int64_t page = (int64_t)blocks[t / VD_KV_BLOCK] * cache->H_kv + head;
    int64_t tile = page * (VD_KV_BLOCK / VD_KV_LANES) + t % VD_KV_BLOCK / VD_KV_LANES;
    return cache->keys + tile * cache->d_h * VD_KV_LANES;
}

// The value of position t of a head, [d_h]; those of the same block follow.
VD_INLINE float *vd_value_row(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                              int64_t t) {
    int64_t page = (int64_t)blocks[t / VD_KV_BLOCK] * cache->H_kv + head;
    return cache->values + (page * VD_KV_BLOCK + t % VD_KV_BLOCK) * cache->d_h;
}

VD_INLINE int vd_kv_cache_valid(const vd_kv_cache *cache) {
    return cache->keys != NULL && cache->values != NULL && cache->H_kv > 0 && cache->d_h > 0;
}

#endif

// Addresses in the paged key-value cache; vidrio.h draws its layout at vd_kv_cache.
#ifndef VD_ATTENTION_KV_CACHE_H
#define VD_ATTENTION_KV_CACHE_H

#include "core/arch.h"
#include "types/types.h"
#include "vidrio.h"

// Returns the bytes of d elements, including their scales.
VD_INLINE int64_t vd_kv_bytes(int32_t type, int64_t d) {
    return type == VD_F32 ? 4 * d : type == VD_Q8_0 ? d / 32 * 34 : 2 * d;
}

// Returns the offset of a head's part of block 0 of keys, or values, of d elements.
VD_INLINE int64_t vd_kv_head(const vd_kv_cache *cache, int32_t head, int64_t d) {
    int32_t group = head / cache->group_heads;
    return group * cache->group_stride +
           (head - group * cache->group_heads) * (VD_KV_BLOCK * vd_kv_bytes(cache->type, d));
}

// Returns the offset of a head's part of a block of keys, or values, of d elements.
VD_INLINE int64_t vd_kv_page(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                             int64_t t, int64_t d) {
    return vd_kv_head(cache, head, d) + blocks[t / VD_KV_BLOCK] * cache->stride;
}

// Returns the keys of positions [t, t + VD_KV_LANES) of a head; t is a multiple of VD_KV_LANES.
// Keys of one block follow at intervals of VD_KV_LANES * vd_kv_bytes. `blocks` is the
// sequence's row of the block tables.
VD_INLINE char *vd_key_tile(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                            int64_t t) {
    int64_t bytes = vd_kv_bytes(cache->type, cache->d_h);
    return (char *)cache->keys + vd_kv_page(cache, blocks, head, t, cache->d_h) +
           t % VD_KV_BLOCK * bytes;
}

// Returns the value of position t of a head, without its scales. Values of one block are adjacent.
VD_INLINE char *vd_value_row(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                             int64_t t) {
    int64_t bytes = cache->type == VD_Q8_0 ? cache->d_v : vd_kv_bytes(cache->type, cache->d_v);
    return (char *)cache->values + vd_kv_page(cache, blocks, head, t, cache->d_v) +
           t % VD_KV_BLOCK * bytes;
}

// Returns the scales [d_v/32] of a Q8_0 value.
VD_INLINE uint16_t *vd_value_scales(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                                    int64_t t) {
    char *page = (char *)cache->values + vd_kv_page(cache, blocks, head, t, cache->d_v);
    uint16_t *scales = (uint16_t *)(page + (int64_t)VD_KV_BLOCK * cache->d_v);
    return scales + t % VD_KV_BLOCK * (cache->d_v / VD_BLOCK);
}

VD_INLINE int vd_kv_width_valid(int32_t type, int32_t d) {
    return d > 0 && d <= VD_HEAD_MAX && (type != VD_Q8_0 || d % VD_BLOCK == 0);
}

VD_INLINE int vd_kv_cache_valid(const vd_kv_cache *cache) {
    int known = cache->type == VD_F32 || cache->type == VD_F16 || cache->type == VD_BF16 ||
                cache->type == VD_Q8_0;
    int64_t wider = cache->d_h > cache->d_v ? cache->d_h : cache->d_v;
    int64_t page = VD_KV_BLOCK * vd_kv_bytes(cache->type, wider);
    return cache->keys != NULL && cache->values != NULL && known && cache->H_kv > 0 &&
           cache->group_heads > 0 && cache->H_kv % cache->group_heads == 0 &&
           vd_kv_width_valid(cache->type, cache->d_h) &&
           vd_kv_width_valid(cache->type, cache->d_v) && cache->stride % 64 == 0 &&
           cache->group_stride % 64 == 0 && cache->stride / cache->group_heads >= page;
}

#endif

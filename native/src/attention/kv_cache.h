// Addresses in the paged key-value cache; vidrio.h draws its layout at vd_kv_cache.
#ifndef VD_ATTENTION_KV_CACHE_H
#define VD_ATTENTION_KV_CACHE_H

#include "core/arch.h"
#include "core/pool.h"
#include "types/types.h"
#include "vidrio.h"

// Is added to the elements of Q4_0, from -8 to 7.
enum { VD_Q4_ZERO = 8 };

// Returns whether each 32 elements of a type share a scale. Queries of such keys are quantized.
VD_INLINE int vd_kv_scaled(int32_t type) { return type == VD_Q8_0 || type == VD_Q4_0; }

// Returns the bytes of d elements without their scales.
VD_INLINE int64_t vd_kv_code_bytes(int32_t type, int64_t d) {
    return type == VD_F32 ? 4 * d : type == VD_Q8_0 ? d : type == VD_Q4_0 ? d / 2 : 2 * d;
}

// Returns the bytes of d elements, including their scales.
VD_INLINE int64_t vd_kv_bytes(int32_t type, int64_t d) {
    return vd_kv_code_bytes(type, d) + (vd_kv_scaled(type) ? d / VD_BLOCK * 2 : 0);
}

// Returns whether values are the first d_v elements of keys, and not stored.
VD_INLINE int vd_values_shared(const vd_kv_cache *cache) { return cache->values == cache->keys; }

// Returns the number of elements that the rotation of keys or values of width d mixes: the largest
// power of two that divides the width, and the other width too if values are elements of keys; 1
// for types that are not rotated.
VD_INLINE int64_t vd_rotation(const vd_kv_cache *cache, int64_t d) {
    d = vd_values_shared(cache) ? cache->d_h | cache->d_v : d;
    return cache->type == VD_Q4_0 ? d & -d : 1;
}

// Returns the row of the block tables of the sequence of a row of the batch.
VD_INLINE const int32_t *vd_blocks_of(const vd_batch *batch, int64_t row) {
    return batch->block_tables + (int64_t)batch->sequences[row] * batch->max_blocks;
}

// Returns the bytes of a key of d elements, including its share of the block's anchor.
VD_INLINE int64_t vd_key_bytes(int32_t type, int64_t d) {
    return vd_kv_bytes(type, d) +
           (type == VD_Q4_0 ? vd_ceil_div(vd_kv_bytes(VD_Q8_0, d), VD_KV_BLOCK) : 0);
}

// Returns the offset of a head's part of block 0 of keys, or values, of `bytes` bytes.
VD_INLINE int64_t vd_kv_head(const vd_kv_cache *cache, int32_t head, int64_t bytes) {
    int32_t group = head / cache->group_heads;
    return group * cache->group_stride +
           (head - group * cache->group_heads) * (VD_KV_BLOCK * bytes);
}

// Returns the keys of a head in the block of position t.
VD_INLINE char *vd_key_page(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                            int64_t t) {
    return (char *)cache->keys + vd_kv_head(cache, head, vd_key_bytes(cache->type, cache->d_h)) +
           blocks[t / VD_KV_BLOCK] * cache->stride;
}

// Returns the values of a head in the block of position t.
VD_INLINE char *vd_value_page(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                              int64_t t) {
    return (char *)cache->values + vd_kv_head(cache, head, vd_kv_bytes(cache->type, cache->d_v)) +
           blocks[t / VD_KV_BLOCK] * cache->stride;
}

// Returns the anchor of a page of keys: a key in Q8_0, with the scales [d_h/32] after its elements.
VD_INLINE char *vd_key_anchor(const vd_kv_cache *cache, const char *page) {
    return (char *)page + VD_KV_BLOCK * vd_kv_bytes(cache->type, cache->d_h);
}

// Returns the keys of positions [t, t + VD_KV_LANES) of a head; t is a multiple of VD_KV_LANES.
// Keys of one block follow at intervals of VD_KV_LANES * vd_kv_bytes. `blocks` is the
// sequence's row of the block tables.
VD_INLINE char *vd_key_tile(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                            int64_t t) {
    int64_t bytes = vd_kv_bytes(cache->type, cache->d_h);
    return vd_key_page(cache, blocks, head, t) + t % VD_KV_BLOCK * bytes;
}

// Returns the value of position t of a head, without its scales. Values of one block are adjacent.
VD_INLINE char *vd_value_row(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                             int64_t t) {
    int64_t bytes = vd_kv_code_bytes(cache->type, cache->d_v);
    return vd_value_page(cache, blocks, head, t) + t % VD_KV_BLOCK * bytes;
}

// Returns the scales [d_h/32, VD_KV_LANES] of a tile of quantized keys.
VD_INLINE uint16_t *vd_key_scales(int32_t type, const char *tile, int64_t d_h) {
    return (uint16_t *)(tile + VD_KV_LANES * vd_kv_code_bytes(type, d_h));
}

// Returns the scales [d_v/32] of a quantized value.
VD_INLINE uint16_t *vd_value_scales(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                                    int64_t t) {
    char *page = vd_value_page(cache, blocks, head, t);
    uint16_t *scales = (uint16_t *)(page + VD_KV_BLOCK * vd_kv_code_bytes(cache->type, cache->d_v));
    return scales + t % VD_KV_BLOCK * (cache->d_v / VD_BLOCK);
}

VD_INLINE int vd_kv_width_valid(int32_t type, int32_t d) {
    return d > 0 && d <= VD_HEAD_MAX && (!vd_kv_scaled(type) || d % VD_BLOCK == 0);
}

VD_INLINE int vd_kv_cache_valid(const vd_kv_cache *cache) {
    int known = cache->type == VD_F32 || cache->type == VD_F16 || cache->type == VD_BF16 ||
                vd_kv_scaled(cache->type);
    int64_t key = vd_key_bytes(cache->type, cache->d_h);
    int64_t value = vd_values_shared(cache) ? 0 : vd_kv_bytes(cache->type, cache->d_v);
    int64_t page = VD_KV_BLOCK * (key > value ? key : value);
    return cache->keys != NULL && cache->values != NULL && known && cache->H_kv > 0 &&
           cache->group_heads > 0 && cache->H_kv % cache->group_heads == 0 &&
           vd_kv_width_valid(cache->type, cache->d_h) &&
           vd_kv_width_valid(cache->type, cache->d_v) &&
           (!vd_values_shared(cache) || cache->d_v <= cache->d_h) && cache->stride % 64 == 0 &&
           cache->group_stride % 64 == 0 && cache->stride / cache->group_heads >= page;
}

#endif

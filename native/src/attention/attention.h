#ifndef VD_ATTENTION_ATTENTION_H
#define VD_ATTENTION_ATTENTION_H

#include "attention/kv_cache.h"
#include "core/arch.h"
#include "core/pool.h"

enum { VD_QUERIES = 128 };  // maximum queries of a tile

// Queries of one sequence that read the same key-value head: some tokens times the query heads of
// that head, ordered so that `first` and `end` ascend.
typedef struct vd_query_tile {
    const vd_attention *op;
    const int32_t *blocks;       // the sequence's row of the block tables
    int32_t head;                // key-value head
    const char *keys;            // of the head, in block 0
    const char *values;          // of the head, in block 0, or null if they are elements of keys
    int32_t n;                   // number of queries
    const float *q[VD_QUERIES];  // [d_h] each
    float *z[VD_QUERIES];        // [d_v] each
    float sink[VD_QUERIES];      // if the operation has sinks
    float slope[VD_QUERIES];     // if the operation has ALiBi slopes
    // The bias of the query's own position, if the operation has biases.
    const float *bias[VD_QUERIES];
    int32_t position[VD_QUERIES];
    int32_t first[VD_QUERIES];  // positions [first, end) are attended to
    int32_t end[VD_QUERIES];
    // Queries for a quantized cache, in blocks of 32; rotated for Q4_0.
    int8_t *quants;  // [n, d_h]
    float *scale;    // [n, d_h/32]
    int32_t *sum;    // [n, d_h/32] sums of a block's quants
    float *scores;   // scratch [n, VD_ATTENTION_CHUNK], 64-byte aligned
    // Scratch [VD_KV_BLOCK, max(d_h, d_v)], 64-byte aligned, for a block of keys or values, or for
    // the scales of a chunk of values, as floats.
    float *floats;
    // Keys of the blocks to prefetch, or null.
    const char *next_keys[VD_ATTENTION_CHUNK / VD_KV_BLOCK];
} vd_query_tile;

// Sets the key-value head of a tile.
VD_INLINE void vd_tile_set_head(vd_query_tile *tile, const vd_kv_cache *cache, int32_t head) {
    tile->head = head;
    tile->keys =
        (const char *)cache->keys + vd_kv_head(cache, head, vd_key_bytes(cache->type, cache->d_h));
    tile->values = vd_values_shared(cache)
                       ? NULL
                       : (const char *)cache->values +
                             vd_kv_head(cache, head, vd_kv_bytes(cache->type, cache->d_v));
}

// Returns vd_key_tile of the tile's head.
VD_INLINE const char *vd_tile_keys(const vd_query_tile *tile, int64_t t) {
    const vd_kv_cache *cache = &tile->op->cache;
    return tile->keys + tile->blocks[t / VD_KV_BLOCK] * cache->stride +
           t % VD_KV_BLOCK * vd_kv_bytes(cache->type, cache->d_h);
}

// Returns the anchor of the keys of the block of position t.
VD_INLINE const char *vd_tile_anchor(const vd_query_tile *tile, int64_t t) {
    const vd_kv_cache *cache = &tile->op->cache;
    return vd_key_anchor(cache, tile->keys + tile->blocks[t / VD_KV_BLOCK] * cache->stride);
}

// Returns vd_value_row of the tile's head, or null if values are elements of keys.
VD_INLINE const char *vd_tile_values(const vd_query_tile *tile, int64_t t) {
    const vd_kv_cache *cache = &tile->op->cache;
    int64_t bytes = vd_kv_code_bytes(cache->type, cache->d_v);
    if (tile->values == NULL) {
        return NULL;
    }
    return tile->values + tile->blocks[t / VD_KV_BLOCK] * cache->stride + t % VD_KV_BLOCK * bytes;
}

// Returns the floats of a partial result, the softmax of one query over some positions: the sum of
// d_v weighted values, padded to a multiple of 16; at [stride - 16] the maximum score; at [stride -
// 15] the sum of exponentials, or 0 if there are no positions. Partial results are adjacent and
// 64-byte aligned.
VD_INLINE int64_t vd_part_stride(int64_t d_v) { return (d_v + 15) / 16 * 16 + 16; }

typedef struct vd_attention_kernel {
    // Computes n partial results over the positions [begin, begin + VD_ATTENTION_CHUNK); begin is a
    // multiple of that.
    void (*chunk)(const vd_query_tile *tile, int64_t begin, float *parts);
    // Merges n partial results of later positions into those of earlier ones.
    void (*merge)(const vd_query_tile *tile, float *parts, const float *later);
    // Writes z from n partial results over all positions; for Q4_0, z before it is rotated back.
    void (*finish)(const vd_query_tile *tile, const float *parts);
} vd_attention_kernel;

#define VD_VARIANT(isa, name) extern const vd_attention_kernel vd_attention_##name;
#include "simd/variants_v16.inc"
#undef VD_VARIANT

extern const vd_attention_kernel *const vd_attention_kernels[VD_ISA_COUNT];

// Computes quants, scale and sum of the tile's queries.
void vd_attention_quantize(vd_query_tile *tile, vd_isa isa);

#endif

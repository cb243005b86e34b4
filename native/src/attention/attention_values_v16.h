// Weighted sums of a chunk's values over 16 lanes, which are elements of the head.
#ifndef VD_ATTENTION_ATTENTION_VALUES_V16_H
#define VD_ATTENTION_ATTENTION_VALUES_V16_H

#include <assert.h>

#include "attention/attention.h"
#include "attention/attention_scores_v16.h"
#include "attention/kv_cache.h"
#include "attention/shared_values_v16.h"

typedef f32x16 value_sums[VD_ATTENTION_QUERIES][VD_ATTENTION_VECTORS];

// The positions of a chunk that a query attends to.
typedef struct key_range {
    int64_t from;
    int64_t to;
} key_range;

// Returns whether the values of blocks are converted to floats before they are summed.
VD_INLINE int are_converted(const vd_query_tile *tile, const int32_t type) {
    return tile->values == NULL || type != tile->op->cache.type;
}

// Returns the value of position t of the chunk, followed by the later ones of its block.
VD_INLINE const char *value_rows(const vd_query_tile *tile, int64_t begin, int64_t t,
                                 const int32_t type) {
    const vd_kv_cache *cache = &tile->op->cache;
    return are_converted(tile, type) ? (const char *)(tile->floats + t % VD_KV_BLOCK * cache->d_v)
                                     : vd_tile_values(tile, begin + t);
}

VD_INLINE f32x16 load_value_part(const char *row, int64_t i, int64_t lanes, const int32_t type) {
    return type == VD_F32   ? f32x16_load_part((const float *)row + i, lanes)
           : type == VD_F16 ? f32x16_load_halves_part((const uint16_t *)row + i, lanes)
                            : f32x16_load_bfloats_part((const uint16_t *)row + i, lanes);
}

// Adds positions [from, to) of the chunk at `begin` to the sums of `n` queries, over `vectors`
// times 16 elements of the head from i on. A last, partial vector has `lanes` elements.
VD_INLINE void add_values(value_sums sum, const vd_query_tile *tile, int64_t begin, const float *e,
                          key_range at, const int n, int64_t i, const int vectors, int64_t lanes,
                          const int32_t type, int prefetches) {
    const vd_kv_cache *cache = &tile->op->cache;
    const int64_t key_bytes = vd_kv_bytes(type, cache->d_h);
    const int64_t bytes = vd_kv_code_bytes(type, cache->d_v);
    for (int64_t t = at.from; t < at.to;) {
        const char *row = value_rows(tile, begin, t, type);
        const float *scales = tile->floats + t * (cache->d_v / VD_BLOCK);
        const char *keys = prefetches ? tile->next_keys[t / VD_KV_BLOCK] : NULL;
        int64_t to = (t / VD_KV_BLOCK + 1) * VD_KV_BLOCK;
        for (to = at.to < to ? at.to : to; t < to; t++, row += bytes) {
            prefetch(keys, t % VD_KV_BLOCK * key_bytes, key_bytes);
            f32x16 v[VD_ATTENTION_VECTORS];
            for (int w = 0; w < vectors; w++) {
                f32x16 scale = vd_kv_scaled(type) ? f32x16_splat(scales[(i + 16 * w) / VD_BLOCK])
                                                  : f32x16_zero();
                v[w] = lanes < 16 ? load_value_part(row, i, lanes, type)
                                  : load_value(row, i + 16 * w, scale, type);
            }
            for (int a = 0; a < n; a++) {
                f32x16 weight = f32x16_splat(e[a * VD_ATTENTION_CHUNK + t]);
                for (int w = 0; w < vectors; w++) {
                    sum[a][w] = f32x16_fma(weight, v[w], sum[a][w]);
                }
            }
            scales += vd_kv_scaled(type) ? cache->d_v / VD_BLOCK : 0;
        }
    }
}

VD_INLINE int64_t clamp(int64_t t, key_range at) {
    return t < at.from ? at.from : t < at.to ? t : at.to;
}

// Returns the intersection of a range with `at`.
VD_INLINE key_range within(key_range own, key_range at) {
    return (key_range){clamp(own.from, at), clamp(own.to, at)};
}

// Adds the values of positions `at` of the chunk to the partial results of `n` queries from j on,
// over `vectors` times 16 elements of the head from i on.
VD_INLINE void value_tile(const vd_query_tile *tile, int64_t begin, key_range at, int32_t j,
                          const int n, int64_t i, const int vectors, int64_t lanes,
                          const int32_t type, int prefetches, float *parts) {
    int64_t stride = vd_part_stride(tile->op->cache.d_v);
    float *part = parts + j * stride + i;
    value_sums sum;
    for (int a = 0; a < n; a++) {
        for (int w = 0; w < vectors; w++) {
            sum[a][w] = f32x16_load(part + a * stride + 16 * w);
        }
    }
    add_values(sum, tile, begin, tile->scores + j * VD_ATTENTION_CHUNK, at, n, i, vectors, lanes,
               type, i == 0 && prefetches);
    for (int a = 0; a < n; a++) {
        for (int w = 0; w < vectors; w++) {
            f32x16_store(part + a * stride + 16 * w, sum[a][w]);
        }
    }
}

static void value_edges(const vd_query_tile *tile, const key_range *ranges, int64_t begin,
                        key_range at, int32_t j, int32_t n, const int32_t type, float *parts) {
    int64_t d_v = tile->op->cache.d_v;
    for (int32_t a = j; a < j + n; a++) {
        key_range own = within(ranges[a], at);
        if (own.from >= own.to) {
            continue;
        }
        int64_t i = 0;
        for (; i + 16 * VD_ATTENTION_VECTORS <= d_v; i += 16 * VD_ATTENTION_VECTORS) {
            value_tile(tile, begin, own, a, 1, i, VD_ATTENTION_VECTORS, 16, type, 0, parts);
        }
        for (; i + 16 <= d_v; i += 16) {
            value_tile(tile, begin, own, a, 1, i, 1, 16, type, 0, parts);
        }
        if (i < d_v && !vd_kv_scaled(type)) {
            value_tile(tile, begin, own, a, 1, i, 1, d_v - i, type, 0, parts);
        }
    }
}

// Adds the values of positions `at` of the chunk. The ranges of queries ascend, so that all share
// the middle; positions of only some queries come before and after it.
VD_INLINE void values_of_queries(const vd_query_tile *tile, const key_range *ranges, int64_t begin,
                                 key_range at, int32_t j, const int n, const int32_t type,
                                 int prefetches, float *parts) {
    key_range middle = within((key_range){ranges[j + n - 1].from, ranges[j].to}, at);
    middle.to = middle.to > middle.from ? middle.to : middle.from;
    if (at.from < middle.from && n > 1) {
        value_edges(tile, ranges, begin, (key_range){at.from, middle.from}, j, n, type, parts);
    }
    int64_t d_v = tile->op->cache.d_v;
    int64_t whole = d_v / 16, i = 0;
    while (whole > 0) {
        // Five vectors are faster as three and two than as four and one.
        int64_t tiles = (whole + VD_ATTENTION_VECTORS - 1) / VD_ATTENTION_VECTORS;
        int vectors = (int)((whole + tiles - 1) / tiles);
        if (vectors >= 4 && VD_ATTENTION_VECTORS >= 4) {
            value_tile(tile, begin, middle, j, n, i, vectors = 4, 16, type, prefetches, parts);
        } else if (vectors >= 3 && VD_ATTENTION_VECTORS >= 3) {
            value_tile(tile, begin, middle, j, n, i, vectors = 3, 16, type, prefetches, parts);
        } else if (vectors >= 2) {
            value_tile(tile, begin, middle, j, n, i, vectors = 2, 16, type, prefetches, parts);
        } else {
            value_tile(tile, begin, middle, j, n, i, vectors = 1, 16, type, prefetches, parts);
        }
        i += 16 * vectors;
        whole -= vectors;
    }
    if (i < d_v && !vd_kv_scaled(type)) {
        value_tile(tile, begin, middle, j, n, i, 1, d_v - i, type, prefetches, parts);
    }
    if (middle.to < at.to && n > 1) {
        value_edges(tile, ranges, begin, (key_range){middle.to, at.to}, j, n, type, parts);
    }
}

VD_INLINE void values_of(const vd_query_tile *tile, const key_range *ranges, int32_t j, int32_t end,
                         int64_t begin, key_range at, const int32_t type, float *parts) {
    int prefetches = !are_converted(tile, type);  // the first queries prefetch keys for all
    while (j < end) {
        int32_t n = end - j < VD_ATTENTION_QUERIES ? end - j : VD_ATTENTION_QUERIES;
        if (n >= 6 && VD_ATTENTION_QUERIES >= 6) {
            values_of_queries(tile, ranges, begin, at, j, n = 6, type, prefetches, parts);
        } else if (n >= 4 && VD_ATTENTION_QUERIES >= 4) {
            values_of_queries(tile, ranges, begin, at, j, n = 4, type, prefetches, parts);
        } else if (n >= 3 && VD_ATTENTION_QUERIES >= 3) {
            values_of_queries(tile, ranges, begin, at, j, n = 3, type, prefetches, parts);
        } else if (n == 2) {
            values_of_queries(tile, ranges, begin, at, j, 2, type, prefetches, parts);
        } else {
            values_of_queries(tile, ranges, begin, at, j, 1, type, prefetches, parts);
        }
        j += n;
        prefetches = 0;
    }
}

static void values_at(const vd_query_tile *tile, const key_range *ranges, int32_t j, int32_t end,
                      int64_t begin, key_range at, int32_t type, float *parts) {
    switch (type) {
        case VD_F32:
            values_of(tile, ranges, j, end, begin, at, VD_F32, parts);
            break;
        case VD_F16:
            values_of(tile, ranges, j, end, begin, at, VD_F16, parts);
            break;
        case VD_BF16:
            values_of(tile, ranges, j, end, begin, at, VD_BF16, parts);
            break;
        case VD_Q4_0:
            values_of(tile, ranges, j, end, begin, at, VD_Q4_0, parts);
            break;
        default:
            values_of(tile, ranges, j, end, begin, at, VD_Q8_0, parts);
    }
}

static_assert(VD_ATTENTION_CHUNK / VD_BLOCK <= VD_KV_BLOCK, "the scales of a chunk fit floats");

// Converts the scales of quantized values at positions [from, to) of the chunk to floats
// [VD_ATTENTION_CHUNK, d_v/32]: once for all queries and elements.
static void convert_scales(const vd_query_tile *tile, int64_t begin, int64_t from, int64_t to) {
    const vd_kv_cache *cache = &tile->op->cache;
    int64_t count = VD_KV_BLOCK * (cache->d_v / VD_BLOCK);
    for (int64_t t = from / VD_KV_BLOCK * VD_KV_BLOCK; t < to; t += VD_KV_BLOCK) {
        const uint16_t *scales = vd_value_scales(cache, tile->blocks, tile->head, begin + t);
        float *floats = tile->floats + t * (cache->d_v / VD_BLOCK);
        for (int64_t i = 0; i < count; i += 16) {
            f32x16_store(floats + i, f32x16_load_halves(scales + i));
        }
    }
}

// Converts the values of the block of position t of the chunk to floats [VD_KV_BLOCK, d_v].
static void convert_values(const vd_query_tile *tile, int64_t begin, int64_t t) {
    const vd_kv_cache *cache = &tile->op->cache;
    const char *next = tile->next_keys[t / VD_KV_BLOCK];
    if (tile->values == NULL) {
        const char *anchor = cache->type == VD_Q4_0 ? vd_tile_anchor(tile, begin + t) : NULL;
        vd_transpose_keys(cache, vd_tile_keys(tile, begin + t), anchor, next, tile->floats);
    } else {
        widen(tile, cache->d_v, vd_tile_values(tile, begin + t),
              vd_value_scales(cache, tile->blocks, tile->head, begin + t), next);
    }
}

// Computes the weighted values of queries [j, end): over the whole chunk at once, or block by block
// if blocks are converted to floats.
static void values(const vd_query_tile *tile, const key_range *ranges, int32_t j, int32_t end,
                   int64_t begin, float *parts) {
    const vd_kv_cache *cache = &tile->op->cache;
    int64_t stride = vd_part_stride(cache->d_v);
    for (int32_t a = j; a < end; a++) {
        memset(parts + a * stride, 0, (size_t)(stride - 16) * sizeof(float));
    }
    key_range all = {ranges[j].from, ranges[end - 1].to};
    if (tile->values != NULL && !widens(cache->type, end - j)) {
        if (vd_kv_scaled(cache->type)) {
            convert_scales(tile, begin, all.from, all.to);
        }
        values_at(tile, ranges, j, end, begin, all, cache->type, parts);
        return;
    }
    for (int64_t t = all.from / VD_KV_BLOCK * VD_KV_BLOCK; t < all.to; t += VD_KV_BLOCK) {
        convert_values(tile, begin, t);
        key_range block = {t, t + VD_KV_BLOCK};
        values_at(tile, ranges, j, end, begin, within(all, block), VD_F32, parts);
    }
}

#endif

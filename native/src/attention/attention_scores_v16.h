// Scores of a chunk over 16 lanes. The lanes are 16 positions with interleaved keys, so that no sum
// crosses lanes. A register tile of queries by vectors of positions keeps its sums in registers.
#ifndef VD_ATTENTION_ATTENTION_SCORES_V16_H
#define VD_ATTENTION_ATTENTION_SCORES_V16_H

#include "attention/anchor.h"
#include "attention/attention.h"
#include "attention/kv_cache.h"
#include "attention/kv_quants_v16.h"
#include "simd/prefetch.h"

// Loads 16 elements from element i on.
VD_INLINE f32x16 load_kv(const void *p, int64_t i, const int32_t type) {
    return type == VD_F32   ? f32x16_load((const float *)p + i)
           : type == VD_F16 ? f32x16_load_halves((const uint16_t *)p + i)
                            : f32x16_load_bfloats((const uint16_t *)p + i);
}

// Loads 16 elements of values from element i on. Quantized ones are multiplied by `scale`.
VD_INLINE f32x16 load_value(const void *p, int64_t i, f32x16 scale, const int32_t type) {
    return vd_kv_scaled(type) ? f32x16_mul(vd_load_codes(p, i, type), scale) : load_kv(p, i, type);
}

// Prefetches bytes [begin, begin + count) from p on unless p is null. Decoding is bound by memory
// reads: the values of a block are fetched while its scores are computed, the keys of the next
// chunk while values are summed.
VD_INLINE void prefetch(const char *p, int64_t begin, int64_t count) {
    if (p != NULL) {
        vd_prefetch(p + begin, count);
    }
}

// Returns whether there are enough queries to convert a block's elements to floats once for all of
// them.
VD_INLINE int widens(int32_t type, int32_t queries) {
    return type != VD_F32 && queries >= VD_WIDE_QUERIES;
}

VD_INLINE void widen_block(const char *block, const uint16_t *scales, int64_t count,
                           const int32_t type, const char *next, float *floats) {
    for (int64_t i = 0; i < count; i += 64) {
        prefetch(next, vd_kv_code_bytes(type, i), vd_kv_code_bytes(type, 64));
        for (int64_t w = i; w < i + 64; w += 16) {
            f32x16 scale =
                vd_kv_scaled(type) ? f32x16_splat_half(scales[w / VD_BLOCK]) : f32x16_zero();
            f32x16_store(floats + w, load_value(block, w, scale, type));
        }
    }
}

// Converts a block of keys or values of width d to floats, in the same order. Prefetches the block
// `next` unless it is null.
static const char *widen(const vd_query_tile *tile, int64_t d, const char *block,
                         const uint16_t *scales, const char *next) {
    int64_t count = VD_KV_BLOCK * d;
    switch (tile->op->cache.type) {
        case VD_F16:
            widen_block(block, scales, count, VD_F16, next, tile->floats);
            break;
        case VD_BF16:
            widen_block(block, scales, count, VD_BF16, next, tile->floats);
            break;
        case VD_Q4_0:
            widen_block(block, scales, count, VD_Q4_0, next, tile->floats);
            break;
        default:
            widen_block(block, scales, count, VD_Q8_0, next, tile->floats);
    }
    return (const char *)tile->floats;
}

// Computes scores of `n` queries from j on against `vectors` times 16 positions, from position t of
// the chunk on.
VD_INLINE void score_tile(const vd_query_tile *tile, int32_t j, const int n, const char *keys,
                          int64_t t, const int vectors, const int32_t type, const char *values) {
    f32x16 sum[VD_ATTENTION_QUERIES][VD_ATTENTION_VECTORS];
    for (int a = 0; a < n; a++) {
        for (int w = 0; w < vectors; w++) {
            sum[a][w] = f32x16_zero();
        }
    }
    int64_t d_h = tile->op->cache.d_h;
    int64_t bytes = VD_KV_LANES * vd_kv_bytes(type, d_h);
    const int64_t row = vectors * 16 * (type == VD_F32 ? 4 : 2);
    for (int64_t i = 0; i < d_h; i++) {
        f32x16 k[VD_ATTENTION_VECTORS];
        prefetch(values, i * row, row);
        for (int w = 0; w < vectors; w++) {
            k[w] = load_kv(keys + w * bytes, i * VD_KV_LANES, type);
        }
        for (int a = 0; a < n; a++) {
            f32x16 q = f32x16_splat(tile->q[j + a][i]);
            for (int w = 0; w < vectors; w++) {
                sum[a][w] = f32x16_fma(q, k[w], sum[a][w]);
            }
        }
    }
    for (int a = 0; a < n; a++) {
        for (int w = 0; w < vectors; w++) {
            float *s = tile->scores + (j + a) * VD_ATTENTION_CHUNK + t + 16 * w;
            f32x16_store(s, f32x16_mul(sum[a][w], f32x16_splat(tile->op->scale)));
        }
    }
}

// As score_tile, with integer products in blocks of 32. In Q4_0 they are added to those of the
// queries with the anchor, `anchored`.
VD_INLINE void score_tile_quantized(const vd_query_tile *tile, int32_t j, const int n,
                                    const char *keys, int64_t t, const int32_t type,
                                    const char *values, const float *anchored) {
    const int64_t block_bytes = VD_KV_LANES * vd_kv_bytes(type, VD_BLOCK);
    int64_t d_h = tile->op->cache.d_h, blocks = d_h / VD_BLOCK;
    const uint16_t *scales = vd_key_scales(type, keys, d_h);
    f32x16 acc[VD_ATTENTION_QUERIES];
    for (int a = 0; a < n; a++) {
        acc[a] = type == VD_Q4_0 ? f32x16_splat(anchored[j + a]) : f32x16_zero();
    }
    for (int64_t b = 0; b < blocks; b++) {
        prefetch(values, b * block_bytes, block_bytes);
        i32x16 sum[VD_ATTENTION_QUERIES];
        for (int a = 0; a < n; a++) {
            sum[a] = i32x16_splat(vd_key_bias(type) * tile->sum[(j + a) * blocks + b]);
        }
        vd_add_key_block(keys, b, tile->quants + j * d_h, d_h, n, type, sum);
        f32x16 s = f32x16_load_halves(scales + b * VD_KV_LANES);
        for (int a = 0; a < n; a++) {
            f32x16 scale = f32x16_mul(s, f32x16_splat(tile->scale[(j + a) * blocks + b]));
            acc[a] = f32x16_fma(f32x16_from_int(sum[a]), scale, acc[a]);
        }
    }
    for (int a = 0; a < n; a++) {
        float *s = tile->scores + (j + a) * VD_ATTENTION_CHUNK + t;
        f32x16_store(s, f32x16_mul(acc[a], f32x16_splat(tile->op->scale)));
    }
}

// Computes scores of `n` queries against positions [t, to) of the chunk, all in one block, rounded
// up to 16. Scores outside a query's own range are never read.
VD_INLINE void score_block(const vd_query_tile *tile, int32_t j, const int n, const char *keys,
                           int64_t t, int64_t to, const int32_t type, const char *values,
                           const float *anchored) {
    int64_t bytes = VD_KV_LANES * vd_kv_bytes(type, tile->op->cache.d_h);
    if (vd_kv_scaled(type)) {
        for (; t < to; t += 16, keys += bytes) {
            score_tile_quantized(tile, j, n, keys, t, type, values, anchored);
            values = values == NULL ? NULL : values + bytes;
        }
        return;
    }
    const int64_t step = 16 * VD_ATTENTION_VECTORS;
    for (; t + step <= to; t += step, keys += VD_ATTENTION_VECTORS * bytes) {
        score_tile(tile, j, n, keys, t, VD_ATTENTION_VECTORS, type, values);
        values = values == NULL ? NULL : values + VD_ATTENTION_VECTORS * bytes;
    }
    for (; t < to; t += 16, keys += bytes) {
        score_tile(tile, j, n, keys, t, 1, type, NULL);
    }
}

// Computes scores of queries [j, end) as score_block does.
VD_INLINE void scores_of(const vd_query_tile *tile, int32_t j, int32_t end, const char *keys,
                         int64_t t, int64_t to, const int32_t type, const char *values,
                         const float *anchored) {
    for (int32_t n; j < end; j += n) {
        n = end - j < VD_ATTENTION_QUERIES ? end - j : VD_ATTENTION_QUERIES;
        if (n >= 6 && VD_ATTENTION_QUERIES >= 6) {
            score_block(tile, j, n = 6, keys, t, to, type, values, anchored);
        } else if (n >= 4 && VD_ATTENTION_QUERIES >= 4) {
            score_block(tile, j, n = 4, keys, t, to, type, values, anchored);
        } else if (n >= 3 && VD_ATTENTION_QUERIES >= 3) {
            score_block(tile, j, n = 3, keys, t, to, type, values, anchored);
        } else if (n == 2) {
            score_block(tile, j, 2, keys, t, to, type, values, anchored);
        } else {
            score_block(tile, j, 1, keys, t, to, type, values, anchored);
        }
        values = NULL;  // the first queries have prefetched for all
    }
}

// Computes the products of queries [j, end) with an anchor.
static void multiply_anchor(const vd_query_tile *tile, int32_t j, int32_t end, const char *anchor,
                            float *products) {
    int64_t d_h = tile->op->cache.d_h, blocks = d_h / VD_BLOCK;
    for (int32_t a = j; a < end; a++) {
        products[a] = vd_anchor_dot(anchor, d_h, tile->quants + a * d_h, tile->scale + a * blocks);
    }
}

// Computes scores of queries [j, end) against positions [from, to) of the chunk at `begin`, both
// rounded outwards to 16.
static void scores(const vd_query_tile *tile, int32_t j, int32_t end, int64_t begin, int64_t from,
                   int64_t to) {
    const vd_kv_cache *cache = &tile->op->cache;
    for (int64_t t = from / 16 * 16, next; t < to; t = next) {
        next = (t / VD_KV_BLOCK + 1) * VD_KV_BLOCK;
        int64_t skipped = t % VD_KV_BLOCK, last = to < next ? to : next;
        const char *keys = vd_tile_keys(tile, begin + t);
        const char *values = vd_tile_values(tile, begin + t);
        int32_t type = cache->type;
        if (!vd_kv_scaled(type) && widens(type, end - j)) {
            int64_t bytes = vd_kv_bytes(type, cache->d_h);
            int64_t value_bytes = vd_kv_bytes(type, cache->d_v);
            keys = widen(tile, cache->d_h, keys - skipped * bytes, NULL,
                         values == NULL ? NULL : values - skipped * value_bytes);
            keys += skipped * vd_kv_bytes(VD_F32, cache->d_h);
            values = NULL;
            type = VD_F32;
        }
        switch (type) {
            case VD_F32:
                scores_of(tile, j, end, keys, t, last, VD_F32, values, NULL);
                break;
            case VD_F16:
                scores_of(tile, j, end, keys, t, last, VD_F16, values, NULL);
                break;
            case VD_BF16:
                scores_of(tile, j, end, keys, t, last, VD_BF16, values, NULL);
                break;
            case VD_Q4_0: {
                float anchored[VD_QUERIES];
                multiply_anchor(tile, j, end, vd_tile_anchor(tile, begin + t), anchored);
                scores_of(tile, j, end, keys, t, last, VD_Q4_0, values, anchored);
                break;
            }
            default:
                scores_of(tile, j, end, keys, t, last, VD_Q8_0, values, NULL);
        }
    }
}

#endif

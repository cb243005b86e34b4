// Unfused attention over 16 lanes: positions with interleaved keys, or for attention_values
// elements of the head.
#include <math.h>

#include "attention/anchor.h"
#include "attention/kv_cache.h"
#include "attention/kv_quants_v16.h"
#include "attention/shared_values_v16.h"
#include "attention/softmax_v16.h"
#include "attention/unfused_attention.h"

// Loads the first n (at most 16) elements from element i on, of a type without blocks.
VD_INLINE f32x16 load_up_to(const char *p, int64_t i, int64_t n, int32_t type) {
    if (type == VD_F32) {
        return f32x16_load_up_to((const float *)p + i, n);
    }
    const uint16_t *halves = (const uint16_t *)p + i;
    if (type == VD_F16) {
        return n >= 16 ? f32x16_load_halves(halves) : f32x16_load_halves_part(halves, n);
    }
    return n >= 16 ? f32x16_load_bfloats(halves) : f32x16_load_bfloats_part(halves, n);
}

// Computes products of the query with `tiles` times 16 adjacent keys. Several independent sums hide
// the latency of fma.
VD_INLINE void dot(const vd_query *query, const char *keys, const int tiles, int32_t type,
                   f32x16 *y) {
    int64_t d_h = query->cache->d_h, bytes = VD_KV_LANES * vd_kv_bytes(type, d_h);
    for (int w = 0; w < tiles; w++) {
        y[w] = f32x16_zero();
    }
    for (int64_t i = 0; i < d_h; i++) {
        f32x16 q = f32x16_splat(query->q[i]);
        for (int w = 0; w < tiles; w++) {
            f32x16 k = load_up_to(keys + w * bytes, i * VD_KV_LANES, 16, type);
            y[w] = f32x16_fma(q, k, y[w]);
        }
    }
}

// Computes products with integers in blocks of 32, added to `anchored`.
VD_INLINE f32x16 dot_quantized(const vd_query *query, const char *keys, const int32_t type,
                               float anchored) {
    int64_t d_h = query->cache->d_h;
    const uint16_t *scales = vd_key_scales(type, keys, d_h);
    f32x16 acc = f32x16_splat(anchored);
    for (int64_t b = 0; b < d_h / VD_BLOCK; b++) {
        int32_t quants = query->sum[2 * b] + query->sum[2 * b + 1];
        i32x16 sum = i32x16_splat(vd_key_bias(type) * quants);
        vd_add_key_block(keys, b, query->quants, d_h, 1, type, &sum);
        f32x16 scale =
            f32x16_mul(f32x16_load_halves(scales + b * VD_KV_LANES), f32x16_splat(query->scale[b]));
        acc = f32x16_fma(f32x16_from_int(sum), scale, acc);
    }
    return acc;
}

// Computes products of the query with the keys of `tiles` times 16 positions from t on, all in one
// block.
VD_INLINE void products(const vd_query *query, int64_t t, const int tiles, f32x16 *y) {
    const char *keys = vd_key_tile(query->cache, query->blocks, query->head, t);
    switch (query->cache->type) {
        case VD_F32:
            dot(query, keys, tiles, VD_F32, y);
            break;
        case VD_F16:
            dot(query, keys, tiles, VD_F16, y);
            break;
        case VD_BF16:
            dot(query, keys, tiles, VD_BF16, y);
            break;
        default: {
            int32_t type = query->cache->type;
            int64_t d_h = query->cache->d_h, bytes = VD_KV_LANES * vd_kv_bytes(type, d_h);
            const char *page = vd_key_page(query->cache, query->blocks, query->head, t);
            float anchored = type == VD_Q4_0 ? vd_anchor_dot(vd_key_anchor(query->cache, page), d_h,
                                                             query->quants, query->scale)
                                             : 0.0f;
            for (int w = 0; w < tiles; w++, keys += bytes) {
                y[w] = type == VD_Q4_0 ? dot_quantized(query, keys, VD_Q4_0, anchored)
                                       : dot_quantized(query, keys, VD_Q8_0, 0.0f);
            }
        }
    }
}

// Stores the scores of 16 positions from t on, given the products of query and keys.
VD_INLINE void score(const vd_scores *op, const vd_query *query, int64_t t, f32x16 product,
                     float *y) {
    f32x16 s = f32x16_mul(f32x16_splat(op->scale), product);
    s = op->cap > 0 ? vd_cap_score(s, op->cap) : s;
    if (op->slopes != NULL) {
        s = vd_add_alibi(s, query->slope, (int32_t)(t - query->position));
    }
    if (op->biases != NULL) {
        s = vd_add_biases(s, query->bias, op->reach, t - query->position);
    }
    f32x16_store_up_to(y + t, s, op->P - t);
}

static void scores(const vd_scores *op, const vd_query *query, float *y) {
    f32x16 product[4];
    for (int64_t t = query->first / 16 * 16; t < query->end;) {
        if (t % 64 == 0 && t + 64 <= query->end) {
            products(query, t, 4, product);
            for (int w = 0; w < 4; w++, t += 16) {
                score(op, query, t, product[w], y);
            }
        } else {
            products(query, t, 1, product);
            score(op, query, t, product[0], y);
            t += 16;
        }
    }
}

static void softmax(const float *sink, float *y, int64_t n) {
    float M = vd_max_score(y, 0, n);
    M = sink != NULL && *sink > M ? *sink : M;
    float L = vd_exponentials(y, 0, n, M);
    if (sink != NULL) {
        vd_add_sink(*sink, M, &L);
    }
    f32x16 factor = f32x16_splat(1.0f / L);
    for (int64_t t = 0; t < n; t += 16) {
        f32x16_store_up_to(y + t, f32x16_mul(f32x16_load_up_to(y + t, n - t), factor), n - t);
    }
}

// Loads 16 elements, from element i on, of the value of position t.
VD_INLINE f32x16 value(const vd_query *query, int64_t t, int64_t i, int32_t type) {
    const vd_kv_cache *cache = query->cache;
    const char *row = vd_value_row(cache, query->blocks, query->head, t);
    if (!vd_kv_scaled(type)) {
        return load_up_to(row, i, cache->d_v - i, type);
    }
    const uint16_t *scales = vd_value_scales(cache, query->blocks, query->head, t);
    return f32x16_mul(vd_load_codes(row, i, type), f32x16_splat_half(scales[i / VD_BLOCK]));
}

VD_INLINE void values_of(const vd_query *query, const float *pattern, float *z, int32_t type) {
    int64_t d_v = query->cache->d_v;
    for (int64_t i = 0; i < d_v; i += 16) {
        f32x16 sum = f32x16_zero();
        for (int64_t t = 0; t < query->end; t++) {
            sum = f32x16_fma(f32x16_splat(pattern[t]), value(query, t, i, type), sum);
        }
        f32x16_store_up_to(z + i, sum, d_v - i);
    }
}

// As values_of, for values that are elements of keys.
VD_INLINE void shared_values_of(const vd_query *query, const float *pattern, float *z,
                                int32_t type) {
    const vd_kv_cache *cache = query->cache;
    int64_t d_v = cache->d_v;
    for (int64_t i = 0; i < d_v; i += 16) {
        f32x16 sum = f32x16_zero();
        float rows[VD_KV_LANES * 16] = {0};
        for (int64_t t = 0; t < query->end; t++) {
            if (t % VD_KV_LANES == 0) {
                const char *keys = vd_key_tile(cache, query->blocks, query->head, t);
                const char *page = vd_key_page(cache, query->blocks, query->head, t);
                vd_transpose_key_elements(cache, keys, vd_key_anchor(cache, page), i, type, rows,
                                          16);
            }
            f32x16 row = f32x16_load(rows + t % VD_KV_LANES * 16);
            sum = f32x16_fma(f32x16_splat(pattern[t]), row, sum);
        }
        f32x16_store_up_to(z + i, sum, d_v - i);
    }
}

// Computes the sum of the values of a cache of this type.
VD_INLINE void values_in(const vd_query *query, const float *pattern, float *z, int32_t type) {
    if (vd_values_shared(query->cache)) {
        shared_values_of(query, pattern, z, type);
    } else {
        values_of(query, pattern, z, type);
    }
}

static void values(const vd_query *query, const float *pattern, float *z) {
    switch (query->cache->type) {
        case VD_F32:
            values_in(query, pattern, z, VD_F32);
            break;
        case VD_F16:
            values_in(query, pattern, z, VD_F16);
            break;
        case VD_BF16:
            values_in(query, pattern, z, VD_BF16);
            break;
        case VD_Q4_0:
            values_in(query, pattern, z, VD_Q4_0);
            break;
        default:
            values_in(query, pattern, z, VD_Q8_0);
    }
}

const vd_unfused_attention_kernel VD_NAME(vd_unfused_attention) = {scores, softmax, values};

// scores, softmax and mix over 16 lanes: of positions, whose keys lie interleaved, and in mix of
// elements of the head.
#include <math.h>

#include "attention/kv_cache.h"
#include "open_attention/open_attention.h"
#include "simd/exp_v16.h"
#include "simd/part_v16.h"
#include "simd/tanh_v16.h"

// The first n (at most 16) elements from element i on, which are not quantized.
VD_INLINE v16 load_up_to(const char *p, int64_t i, int64_t n, int32_t type) {
    if (type == VD_F32) {
        return v16_load_up_to((const float *)p + i, n);
    }
    const uint16_t *halves = (const uint16_t *)p + i;
    if (type == VD_F16) {
        return n >= 16 ? v16_load_halves(halves) : v16_load_halves_part(halves, n);
    }
    return n >= 16 ? v16_load_bfloats(halves) : v16_load_bfloats_part(halves, n);
}

// Products of the query with `tiles` times 16 adjacent keys: one sum would wait for itself.
VD_INLINE void dot(const vd_query *query, const char *keys, const int tiles, int32_t type, v16 *y) {
    int64_t d_h = query->cache->d_h, bytes = VD_KV_LANES * vd_kv_bytes(type, d_h);
    for (int w = 0; w < tiles; w++) {
        y[w] = v16_zero();
    }
    for (int64_t i = 0; i < d_h; i++) {
        v16 q = v16_splat(query->q[i]);
        for (int w = 0; w < tiles; w++) {
            v16 k = load_up_to(keys + w * bytes, i * VD_KV_LANES, 16, type);
            y[w] = v16_fma(q, k, y[w]);
        }
    }
}

VD_INLINE v16 dot_quantized(const vd_query *query, const char *keys) {
    int64_t d_h = query->cache->d_h;
    const uint16_t *scales = (const uint16_t *)(keys + VD_KV_LANES * d_h);
    v16 acc = v16_zero();
    for (int64_t b = 0; b < d_h / VD_BLOCK; b++) {
        v16i sum = v16i_splat(-VD_SIGNED_BIAS * (query->sum[2 * b] + query->sum[2 * b + 1]));
        for (int64_t i = b * VD_BLOCK; i < (b + 1) * VD_BLOCK; i += 4) {
            v64 k = v64_signed(v64_load(keys + i * VD_KV_LANES));
            v16i run = v64_begin_run(sum);  // of one column: keys reach -128
            sum = v64_end_run(sum, v64_dot_signed(run, k, query->quants + i));
        }
        v16 scale = v16_mul(v16_load_halves(scales + b * VD_KV_LANES), v16_splat(query->scale[b]));
        acc = v16_fma(v16_from_int(sum), scale, acc);
    }
    return acc;
}

// Products of the query with the keys of `tiles` times 16 positions from t on, all in one block.
VD_INLINE void products(const vd_query *query, int64_t t, const int tiles, v16 *y) {
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
            int64_t bytes = VD_KV_LANES * vd_kv_bytes(VD_Q8_0, query->cache->d_h);
            for (int w = 0; w < tiles; w++) {
                y[w] = dot_quantized(query, keys + w * bytes);
            }
        }
    }
}

// Scores of 16 positions from t on, of their products.
VD_INLINE void score(const vd_scores *op, const vd_query *query, int64_t t, v16 product, float *y) {
    static const int32_t lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    v16 s = v16_mul(v16_splat(op->scale), product);
    if (op->cap > 0) {
        s = v16_mul(v16_splat(op->cap), v16_tanh(v16_mul(s, v16_splat(1.0f / op->cap))));
    }
    if (op->slopes != NULL) {
        int32_t distance = (int32_t)(t + 1 - query->end);
        v16i distances = v16i_add(v16i_load(lanes), v16i_splat(distance));
        s = v16_fma(v16_splat(query->slope), v16_from_int(distances), s);
    }
    v16_store_up_to(y + t, s, op->P - t);
}

static void scores(const vd_scores *op, const vd_query *query, float *y) {
    v16 product[4];
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

// 16 elements from element t on; those that there are not are -infinity.
VD_INLINE v16 load_or_least(const float *y, int64_t t, int64_t n) {
    v16 some = v16_load_up_to(y + t, n - t);
    return t + 16 <= n ? some : v16_keep(some, n - t, v16_splat(-INFINITY));
}

static void softmax(const float *sink, float *y, int64_t n) {
    v16 all = v16_splat(-INFINITY);
    for (int64_t t = 0; t < n; t += 16) {
        all = v16_max(load_or_least(y, t, n), all);
    }
    float M = v16_greatest(all);
    M = sink != NULL && *sink > M ? *sink : M;
    v16 sum = v16_zero();
    for (int64_t t = 0; t < n; t += 16) {
        v16 e = v16_exp(v16_sub(load_or_least(y, t, n), v16_splat(M)));
        v16_store_up_to(y + t, e, n - t);
        sum = v16_add(sum, e);
    }
    float L = v16_merge(sum);
    if (sink != NULL) {
        float e[16];
        v16_store(e, v16_exp(v16_splat(*sink - M)));
        L += e[0];
    }
    v16 factor = v16_splat(1.0f / L);
    for (int64_t t = 0; t < n; t += 16) {
        v16_store_up_to(y + t, v16_mul(v16_load_up_to(y + t, n - t), factor), n - t);
    }
}

// Elements i and following of the value of position t.
VD_INLINE v16 value(const vd_query *query, int64_t t, int64_t i, int32_t type) {
    const vd_kv_cache *cache = query->cache;
    const char *row = vd_value_row(cache, query->blocks, query->head, t);
    if (type != VD_Q8_0) {
        return load_up_to(row, i, cache->d_v - i, type);
    }
    const uint16_t *scales = vd_value_scales(cache, query->blocks, query->head, t);
    return v16_mul(v16_load_bytes((const int8_t *)row + i), v16_splat_half(scales[i / VD_BLOCK]));
}

VD_INLINE void mix_of(const vd_query *query, const float *pattern, float *z, int32_t type) {
    int64_t d_v = query->cache->d_v;
    for (int64_t i = 0; i < d_v; i += 16) {
        v16 sum = v16_zero();
        for (int64_t t = 0; t < query->end; t++) {
            sum = v16_fma(v16_splat(pattern[t]), value(query, t, i, type), sum);
        }
        v16_store_up_to(z + i, sum, d_v - i);
    }
}

static void mix(const vd_query *query, const float *pattern, float *z) {
    switch (query->cache->type) {
        case VD_F32:
            mix_of(query, pattern, z, VD_F32);
            break;
        case VD_F16:
            mix_of(query, pattern, z, VD_F16);
            break;
        case VD_BF16:
            mix_of(query, pattern, z, VD_BF16);
            break;
        default:
            mix_of(query, pattern, z, VD_Q8_0);
    }
}

const vd_open_attention_kernel VD_NAME(vd_open_attention) = {scores, softmax, mix};

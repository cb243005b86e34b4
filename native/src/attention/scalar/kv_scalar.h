// Dot products with cached keys, and elements of cached values, in plain C.
#ifndef VD_ATTENTION_SCALAR_KV_SCALAR_H
#define VD_ATTENTION_SCALAR_KV_SCALAR_H

#include <math.h>

#include "attention/anchor.h"
#include "attention/kv_cache.h"

VD_INLINE float vd_kv_key(const vd_kv_cache *cache, const char *tile, int64_t i, int64_t lane) {
    int64_t at = i * VD_KV_LANES + lane;
    return cache->type == VD_F32   ? ((const float *)tile)[at]
           : cache->type == VD_F16 ? vd_half_to_float(((const uint16_t *)tile)[at])
                                   : vd_bfloat_to_float(((const uint16_t *)tile)[at]);
}

// Returns the dot product of q [d_h] and the key of position t of a head.
VD_INLINE float vd_kv_dot(const vd_kv_cache *cache, const int32_t *blocks, int32_t head, int64_t t,
                          const float *q) {
    int64_t lane = t % VD_KV_LANES;
    const char *keys = vd_key_tile(cache, blocks, head, t - lane);
    float sum = 0.0f;
    for (int64_t i = 0; i < cache->d_h; i++) {
        sum = fmaf(q[i], vd_kv_key(cache, keys, i, lane), sum);
    }
    return sum;
}

// Returns one of the two elements of a byte of Q4_0.
VD_INLINE int32_t vd_kv_nibble(char byte, int high) {
    return (high ? (uint8_t)byte >> 4 : byte & 15) - VD_Q4_ZERO;
}

// Returns element i of the quantized key in a lane of a tile, without its scale.
VD_INLINE int32_t vd_kv_key_code(int32_t type, const char *keys, int64_t i, int64_t lane) {
    return type == VD_Q8_0
               ? (int8_t)keys[(i / 4 * VD_KV_LANES + lane) * 4 + i % 4]
               : vd_kv_nibble(keys[(i / 8 * VD_KV_LANES + lane) * 4 + i % 4], i % 8 >= 4);
}

// Returns the dot product of quants [d_h] with scales [d_h/32] and the quantized key of position t
// of a head.
VD_INLINE float vd_kv_dot_quantized(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                                    int64_t t, const int8_t *q, const float *scale) {
    int64_t lane = t % VD_KV_LANES;
    const char *keys = vd_key_tile(cache, blocks, head, t - lane);
    const uint16_t *scales = vd_key_scales(cache->type, keys, cache->d_h);
    float acc = 0.0f;
    if (cache->type == VD_Q4_0) {
        const char *anchor = vd_key_anchor(cache, vd_key_page(cache, blocks, head, t));
        acc = vd_anchor_dot(anchor, cache->d_h, q, scale);
    }
    for (int64_t b = 0; b < cache->d_h / VD_BLOCK; b++) {
        int32_t sum = 0;
        for (int64_t i = b * VD_BLOCK; i < (b + 1) * VD_BLOCK; i++) {
            sum += q[i] * vd_kv_key_code(cache->type, keys, i, lane);
        }
        float s = vd_half_to_float(scales[b * VD_KV_LANES + lane]);
        acc = fmaf((float)sum, s * scale[b], acc);
    }
    return acc;
}

// Returns element i of the key of position t; in Q4_0, of the rotated key.
VD_INLINE float vd_kv_key_value(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                                int64_t t, int64_t i) {
    int64_t lane = t % VD_KV_LANES;
    const char *keys = vd_key_tile(cache, blocks, head, t - lane);
    if (!vd_kv_scaled(cache->type)) {
        return vd_kv_key(cache, keys, i, lane);
    }
    const uint16_t *scales = vd_key_scales(cache->type, keys, cache->d_h);
    float code = (float)vd_kv_key_code(cache->type, keys, i, lane);
    float scale = vd_half_to_float(scales[i / VD_BLOCK * VD_KV_LANES + lane]);
    if (cache->type == VD_Q8_0) {
        return code * scale;
    }
    const char *anchor = vd_key_anchor(cache, vd_key_page(cache, blocks, head, t));
    const uint16_t *anchor_scales = (const uint16_t *)(anchor + cache->d_h);
    return fmaf(code, scale,
                (float)(int8_t)anchor[i] * vd_half_to_float(anchor_scales[i / VD_BLOCK]));
}

// Returns element i of the value of position t; in Q4_0, of the rotated value.
VD_INLINE float vd_kv_value(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                            int64_t t, int64_t i) {
    if (vd_values_shared(cache)) {
        return vd_kv_key_value(cache, blocks, head, t, i);
    }
    const char *row = vd_value_row(cache, blocks, head, t);
    switch (cache->type) {
        case VD_F32:
            return ((const float *)row)[i];
        case VD_F16:
            return vd_half_to_float(((const uint16_t *)row)[i]);
        case VD_BF16:
            return vd_bfloat_to_float(((const uint16_t *)row)[i]);
        default: {
            const uint16_t *scales = vd_value_scales(cache, blocks, head, t);
            int32_t code = cache->type == VD_Q8_0
                               ? (int8_t)row[i]
                               : vd_kv_nibble(row[i / 32 * 16 + i % 16], i % 32 >= 16);
            return (float)code * vd_half_to_float(scales[i / VD_BLOCK]);
        }
    }
}

#endif

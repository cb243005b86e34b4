// Dot products with cached keys, and elements of cached values, in plain C.
#ifndef VD_ATTENTION_SCALAR_KV_SCALAR_H
#define VD_ATTENTION_SCALAR_KV_SCALAR_H

#include <math.h>

#include "attention/kv_cache.h"

VD_INLINE float vd_kv_key(const vd_kv_cache *cache, const char *tile, int64_t i, int64_t lane) {
    int64_t at = i * VD_KV_LANES + lane;
    return cache->type == VD_F32   ? ((const float *)tile)[at]
           : cache->type == VD_F16 ? vd_half_to_float(((const uint16_t *)tile)[at])
                                   : vd_bfloat_to_float(((const uint16_t *)tile)[at]);
}

// Returns the dot product of q [d_h] and the key in a lane of a tile.
VD_INLINE float vd_kv_dot(const vd_kv_cache *cache, const char *keys, int64_t lane,
                          const float *q) {
    float sum = 0.0f;
    for (int64_t i = 0; i < cache->d_h; i++) {
        sum = fmaf(q[i], vd_kv_key(cache, keys, i, lane), sum);
    }
    return sum;
}

// Returns the dot product of quants [d_h] with scales [d_h/32] and a Q8_0 key.
VD_INLINE float vd_kv_dot_quantized(const vd_kv_cache *cache, const char *keys, int64_t lane,
                                    const int8_t *q, const float *scale) {
    const uint16_t *scales = (const uint16_t *)(keys + (int64_t)cache->d_h * VD_KV_LANES);
    float acc = 0.0f;
    for (int64_t b = 0; b < cache->d_h / VD_BLOCK; b++) {
        int32_t sum = 0;
        for (int64_t i = b * VD_BLOCK; i < (b + 1) * VD_BLOCK; i++) {
            sum += q[i] * (int8_t)keys[(i / 4 * VD_KV_LANES + lane) * 4 + i % 4];
        }
        float s = vd_half_to_float(scales[b * VD_KV_LANES + lane]);
        acc = fmaf((float)sum, s * scale[b], acc);
    }
    return acc;
}

// Returns element i of the value of position t.
VD_INLINE float vd_kv_value(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                            int64_t t, int64_t i) {
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
            return (float)(int8_t)row[i] * vd_half_to_float(scales[i / VD_BLOCK]);
        }
    }
}

#endif

// Values that are the first elements of keys: from tiles of keys, with positions as lanes, to rows
// of floats.
#ifndef VD_ATTENTION_SHARED_VALUES_V16_H
#define VD_ATTENTION_SHARED_VALUES_V16_H

#include <string.h>

#include "attention/kv_cache.h"
#include "attention/kv_quants_v16.h"
#include "simd/prefetch.h"

// Loads element i of 16 keys of a type without scales.
VD_INLINE f32x16 vd_load_key_element(const char *keys, int64_t i, const int32_t type) {
    const int64_t at = i * VD_KV_LANES;
    return type == VD_F32   ? f32x16_load((const float *)keys + at)
           : type == VD_F16 ? f32x16_load_halves((const uint16_t *)keys + at)
                            : f32x16_load_bfloats((const uint16_t *)keys + at);
}

// Writes elements [i, i + n) of 16 keys of a type without scales to rows, d floats apart. n is at
// most 16.
VD_INLINE void vd_transpose_floats(const char *keys, int64_t i, int64_t n, const int32_t type,
                                   float *rows, int64_t d) {
    float units[4][VD_KV_LANES];
    for (; n >= 4; n -= 4, i += 4, rows += 4) {
        i8x64 columns[4];
        for (int k = 0; k < 4; k++) {
            f32x16_store(units[k], vd_load_key_element(keys, i + k, type));
            columns[k] = i8x64_load(units[k]);
        }
        i8x64_transpose_four(columns);
        for (int e = 0; e < 4; e++) {
            i8x64_store(units[e], columns[e]);
            for (int q = 0; q < 4; q++) {
                memcpy(rows + (4 * q + e) * d, units[e] + 4 * q, 4 * sizeof(float));
            }
        }
    }
    for (; n > 0; n--, i++, rows++) {
        f32x16_store(units[0], vd_load_key_element(keys, i, type));
        for (int lane = 0; lane < VD_KV_LANES; lane++) {
            rows[lane * d] = units[0][lane];
        }
    }
}

// Loads the codes of four elements from element i on, a multiple of four, of 16 quantized keys.
VD_INLINE i8x64 vd_load_key_codes(const char *keys, int64_t i, const int32_t type) {
    if (type == VD_Q8_0) {
        return i8x64_load(keys + i * VD_KV_LANES);
    }
    i8x64 codes = i8x64_load(keys + i / 8 * 4 * VD_KV_LANES);
    return i % 8 == 0 ? i8x64_bits(codes, 0, 4, 0) : i8x64_bits(codes, 4, 4, 0);
}

// Writes elements [i, i + 16) of 16 quantized keys with these scales to rows, d floats apart.
VD_INLINE void vd_transpose_codes(const char *keys, const uint16_t *scales, int64_t i,
                                  f32x16 anchor, const int32_t type, float *rows, int64_t d) {
    i8x64 columns[4];
    for (int k = 0; k < 4; k++) {
        columns[k] = vd_load_key_codes(keys, i + 4 * k, type);
    }
    i8x64_transpose_four(columns);
    for (int e = 0; e < 4; e++) {
        uint8_t codes[64];
        i8x64_store(codes, columns[e]);
        for (int q = 0; q < 4; q++) {
            int lane = 4 * q + e;
            f32x16 scale = f32x16_splat_half(scales[i / VD_BLOCK * VD_KV_LANES + lane]);
            f32x16 row;
            if (type == VD_Q8_0) {
                row = f32x16_mul(f32x16_load_bytes((const int8_t *)codes + 16 * q), scale);
            } else {
                i32x16 code =
                    i32x16_sub(i32x16_load_bytes(codes + 16 * q), i32x16_splat(VD_Q4_ZERO));
                row = f32x16_fma(f32x16_from_int(code), scale, anchor);
            }
            f32x16_store(rows + lane * d, row);
        }
    }
}

// Returns elements [i, i + 16) of an anchor.
VD_INLINE f32x16 vd_anchor_elements(const vd_kv_cache *cache, const char *anchor, int64_t i) {
    const uint16_t *scales = (const uint16_t *)(anchor + cache->d_h);
    return f32x16_mul(f32x16_load_bytes((const int8_t *)anchor + i),
                      f32x16_splat_half(scales[i / VD_BLOCK]));
}

// Writes elements [i, i + 16), or up to element d_v, of the values of the 16 positions of a tile of
// keys to rows, d floats apart. `anchor` is that of the block, for Q4_0.
VD_INLINE void vd_transpose_key_elements(const vd_kv_cache *cache, const char *keys,
                                         const char *anchor, int64_t i, const int32_t type,
                                         float *rows, int64_t d) {
    if (vd_kv_scaled(type)) {
        f32x16 own = type == VD_Q4_0 ? vd_anchor_elements(cache, anchor, i) : f32x16_zero();
        vd_transpose_codes(keys, vd_key_scales(type, keys, cache->d_h), i, own, type, rows, d);
    } else {
        int64_t n = cache->d_v - i < 16 ? cache->d_v - i : 16;
        vd_transpose_floats(keys, i, n, type, rows, d);
    }
}

VD_INLINE void vd_transpose_keys_of(const vd_kv_cache *cache, const char *keys, const char *anchor,
                                    const char *next, const int32_t type, float *values) {
    const int64_t d = cache->d_v, bytes = VD_KV_LANES * vd_kv_bytes(type, cache->d_h);
    const int64_t step = VD_KV_LANES * vd_kv_code_bytes(type, 16);
    for (int64_t t = 0; t < VD_KV_BLOCK; t += VD_KV_LANES, keys += bytes) {
        for (int64_t i = 0; i < d; i += 16) {
            if (next != NULL) {
                vd_prefetch(next + t / VD_KV_LANES * bytes + i / 16 * step, step);
            }
            vd_transpose_key_elements(cache, keys, anchor, i, type, values + t * d + i, d);
        }
    }
}

// Writes the values of a block of keys to `values` [VD_KV_BLOCK, d_v]. Prefetches the keys `next`
// unless they are null.
VD_INLINE void vd_transpose_keys(const vd_kv_cache *cache, const char *keys, const char *anchor,
                                 const char *next, float *values) {
    switch (cache->type) {
        case VD_F32:
            vd_transpose_keys_of(cache, keys, anchor, next, VD_F32, values);
            break;
        case VD_F16:
            vd_transpose_keys_of(cache, keys, anchor, next, VD_F16, values);
            break;
        case VD_BF16:
            vd_transpose_keys_of(cache, keys, anchor, next, VD_BF16, values);
            break;
        case VD_Q4_0:
            vd_transpose_keys_of(cache, keys, anchor, next, VD_Q4_0, values);
            break;
        default:
            vd_transpose_keys_of(cache, keys, anchor, next, VD_Q8_0, values);
    }
}

#endif

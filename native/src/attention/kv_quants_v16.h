// Quantized keys and values over 16 lanes: products of queries with blocks of 32 elements of 16
// keys, and elements of values.
#ifndef VD_ATTENTION_KV_QUANTS_V16_H
#define VD_ATTENTION_KV_QUANTS_V16_H

#include "attention/kv_cache.h"

// Returns the factor of the sum of a query's quants with which sums of vd_add_key_block begin.
VD_INLINE int32_t vd_key_bias(const int32_t type) {
    return type == VD_Q4_0 ? -VD_Q4_ZERO : -VD_SIGNED_BIAS;
}

// Adds to the sums of n queries the products of block b of their quants, `stride` apart, with keys.
VD_INLINE void vd_add_key_block(const char *keys, int64_t b, const int8_t *quants, int64_t stride,
                                const int n, const int32_t type, i32x16 *sum) {
    const char *block = keys + b * VD_KV_LANES * vd_kv_code_bytes(type, VD_BLOCK);
    quants += b * VD_BLOCK;
    if (type == VD_Q8_0) {
        for (int64_t i = 0; i < VD_BLOCK; i += 4) {
            i8x64 k = i8x64_signed(i8x64_load(block + i * VD_KV_LANES));
            for (int a = 0; a < n; a++) {
                i32x16 partial = i8x64_begin_partial(sum[a]);  // of one column: keys reach -128
                partial = i8x64_dot_signed(partial, k, quants + a * stride + i);
                sum[a] = i8x64_end_partial(sum[a], partial);
            }
        }
        return;
    }
    // Elements up to 15 fit a partial sum of a whole block.
    i32x16 partial[VD_ATTENTION_QUERIES];
    for (int a = 0; a < n; a++) {
        partial[a] = i8x64_begin_partial(sum[a]);
    }
    for (int64_t i = 0; i < VD_BLOCK; i += 8) {
        i8x64 codes = i8x64_load(block + i / 2 * VD_KV_LANES);
        i8x64 low = i8x64_bits(codes, 0, 4, 0), high = i8x64_bits(codes, 4, 4, 0);
        for (int a = 0; a < n; a++) {
            const int8_t *q = quants + a * stride + i;
            partial[a] = i8x64_dot_unsigned(partial[a], low, q);
            partial[a] = i8x64_dot_unsigned(partial[a], high, q + 4);
        }
    }
    for (int a = 0; a < n; a++) {
        sum[a] = i8x64_end_partial(sum[a], partial[a]);
    }
}

// Loads 16 elements of quantized values, without their scale, from element i on, a multiple of 16.
VD_INLINE f32x16 vd_load_codes(const void *p, int64_t i, const int32_t type) {
    if (type == VD_Q8_0) {
        return f32x16_load_bytes((const int8_t *)p + i);
    }
    i32x16 bytes = i32x16_load_bytes((const uint8_t *)p + i / VD_BLOCK * (VD_BLOCK / 2));
    i32x16 codes = i32x16_bits(bytes, i % VD_BLOCK == 0 ? 0 : 4, 15);
    return f32x16_from_int(i32x16_sub(codes, i32x16_splat(VD_Q4_ZERO)));
}

#endif

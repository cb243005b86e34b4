// quantize over 16 lanes: a block is two vectors.
#include <math.h>

#include "quantize/quantize.h"
#include "types/types.h"

void VD_NAME(vd_quantize)(const float *x, vd_quantized y, vd_range blocks) {
    for (int64_t b = blocks.begin; b < blocks.end; b++) {
        f32x16 low = f32x16_load(x + b * VD_BLOCK);
        f32x16 high = f32x16_load(x + b * VD_BLOCK + 16);
        int8_t *q = y.q + b * VD_BLOCK;
        int32_t magnitude =
            i32x16_reduce_max(i32x16_max(f32x16_abs_bits(low), f32x16_abs_bits(high)));
        if (magnitude < VD_TINY_BITS || magnitude >= VD_NOT_FINITE_BITS) {
            i32x16_store_bytes(q, i32x16_zero());
            i32x16_store_bytes(q + 16, i32x16_zero());
            y.scale[b] = magnitude < VD_TINY_BITS ? 0.0f : NAN;
            y.sum[2 * b] = y.sum[2 * b + 1] = 0;
            y.scaled_sum[b] = y.scale[b];
            continue;
        }
        float a = vd_bits_to_float((uint32_t)magnitude);
        f32x16 inverse = f32x16_splat(127.0f / a);
        i32x16 q_low = f32x16_round(f32x16_mul(low, inverse));
        i32x16 q_high = f32x16_round(f32x16_mul(high, inverse));
        i32x16_store_bytes(q, q_low);
        i32x16_store_bytes(q + 16, q_high);
        y.scale[b] = a / 127.0f;
        y.sum[2 * b] = i32x16_reduce_add(q_low);
        y.sum[2 * b + 1] = i32x16_reduce_add(q_high);
        y.scaled_sum[b] = y.scale[b] * (float)(y.sum[2 * b] + y.sum[2 * b + 1]);
    }
}

// quantize over 16 lanes: a block is two vectors.
#include <math.h>

#include "core/types.h"
#include "quantize/quantize.h"

void VD_NAME(vd_quantize)(const float *x, vd_quantized y, vd_range blocks) {
    for (int64_t b = blocks.begin; b < blocks.end; b++) {
        v16 low = v16_load(x + b * VD_BLOCK);
        v16 high = v16_load(x + b * VD_BLOCK + 16);
        int8_t *q = y.q + b * VD_BLOCK;
        int32_t magnitude =
            v16i_greatest(v16i_max(v16_magnitude_bits(low), v16_magnitude_bits(high)));
        if (magnitude < VD_TINY_BITS || magnitude >= VD_NOT_FINITE_BITS) {
            v16i_store_bytes(q, v16i_zero());
            v16i_store_bytes(q + 16, v16i_zero());
            y.scale[b] = magnitude < VD_TINY_BITS ? 0.0f : NAN;
            y.sum[2 * b] = y.sum[2 * b + 1] = 0;
            y.scaled_sum[b] = y.scale[b];
            continue;
        }
        float a = vd_bits_to_float((uint32_t)magnitude);
        v16 inverse = v16_splat(127.0f / a);
        v16i q_low = v16_round(v16_mul(low, inverse));
        v16i q_high = v16_round(v16_mul(high, inverse));
        v16i_store_bytes(q, q_low);
        v16i_store_bytes(q + 16, q_high);
        y.scale[b] = a / 127.0f;
        y.sum[2 * b] = v16i_sum(q_low);
        y.sum[2 * b + 1] = v16i_sum(q_high);
        y.scaled_sum[b] = y.scale[b] * (float)(y.sum[2 * b] + y.sum[2 * b + 1]);
    }
}

// The reference implementation of quantize (docs/numerics.md).
#include "quantize/quantize.h"

#include <math.h>

#include "types/types.h"

// Returns the maximum magnitude as bits, which order as magnitudes do, NaN last.
static uint32_t max_magnitude(const float *x) {
    uint32_t maximum = 0;
    for (int i = 0; i < VD_BLOCK; i++) {
        uint32_t bits = vd_float_to_bits(x[i]) & 0x7fffffff;
        maximum = bits > maximum ? bits : maximum;
    }
    return maximum;
}

void vd_quantize_scalar(const float *x, vd_quantized y, vd_range blocks) {
    for (int64_t b = blocks.begin; b < blocks.end; b++) {
        const float *block = x + b * VD_BLOCK;
        uint32_t magnitude = max_magnitude(block);
        int finite = magnitude < VD_NOT_FINITE_BITS;
        int zero = !finite || magnitude < VD_TINY_BITS;
        float a = vd_bits_to_float(magnitude);
        float inverse = 127.0f / a;
        int32_t sum[2] = {0};
        for (int i = 0; i < VD_BLOCK; i++) {
            int32_t q = zero ? 0 : (int32_t)rintf(block[i] * inverse);
            y.q[b * VD_BLOCK + i] = (int8_t)q;
            sum[i / VD_SUM_BLOCK] += q;
        }
        y.scale[b] = !finite ? NAN : zero ? 0.0f : a / 127.0f;
        y.sum[2 * b] = sum[0];
        y.sum[2 * b + 1] = sum[1];
        y.scaled_sum[b] = y.scale[b] * (float)(sum[0] + sum[1]);
    }
}

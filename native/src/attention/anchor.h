// Products with anchors of Q4_0 keys.
#ifndef VD_ATTENTION_ANCHOR_H
#define VD_ATTENTION_ANCHOR_H

#include <math.h>

#include "attention/kv_cache.h"

// Returns the product of quants [d_h] with scales [d_h/32] and an anchor.
VD_INLINE float vd_anchor_dot(const char *anchor, int64_t d_h, const int8_t *q,
                              const float *scale) {
    const uint16_t *scales = (const uint16_t *)(anchor + d_h);
    float acc = 0.0f;
    for (int64_t b = 0; b < d_h / VD_BLOCK; b++) {
        int32_t sum = 0;
        for (int64_t i = b * VD_BLOCK; i < (b + 1) * VD_BLOCK; i++) {
            sum += q[i] * (int8_t)anchor[i];
        }
        acc = fmaf((float)sum, vd_half_to_float(scales[b]) * scale[b], acc);
    }
    return acc;
}

#endif

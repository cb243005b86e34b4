// Scores and sinks of attention in plain C, as docs/numerics.md defines them.
#ifndef VD_ATTENTION_SCALAR_SOFTMAX_SCALAR_H
#define VD_ATTENTION_SCALAR_SOFTMAX_SCALAR_H

#include <math.h>
#include <stdint.h>

#include "attention/bias.h"
#include "core/arch.h"
#include "simd/exp.h"

// Returns the score of a product q . k. slope is null without ALiBi, bias without biases;
// distance leads from the query's position to the key's.
VD_INLINE float vd_score_of(float product, float scale, float cap, const float *slope,
                            const float *bias, int32_t reach, int64_t distance) {
    float s = scale * product;
    s = cap > 0 ? cap * vd_tanh(s * (1.0f / cap)) : s;
    s = slope != NULL ? fmaf(*slope, (float)(distance < 0 ? distance : -distance), s) : s;
    return bias != NULL ? s + bias[vd_limited_distance(distance, reach)] : s;
}

// Adds a sink to a softmax with the maximum M and the sum *L of exponentials. Returns the factor by
// which the exponentials shrink: 1 unless the sink exceeds M.
VD_INLINE float vd_add_sink(float sink, float M, float *L) {
    float maximum = sink > M ? sink : M;
    float factor = vd_exp(M - maximum);
    *L = fmaf(*L, factor, vd_exp(sink - maximum));
    return factor;
}

#endif

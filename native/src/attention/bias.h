// Biases of attention scores by the distance of positions (vd_attention).
#ifndef VD_ATTENTION_BIAS_H
#define VD_ATTENTION_BIAS_H

#include <stddef.h>

#include "core/arch.h"
#include "vidrio.h"

VD_INLINE int vd_reach_valid(int32_t reach) { return reach >= 0 && reach <= VD_REACH_MAX; }

// Returns the bias of a head for a key at the query's own position, or null without biases.
VD_INLINE const float *vd_own_bias(const float *biases, int32_t reach, int32_t head) {
    return biases == NULL ? NULL : biases + (int64_t)head * (2 * reach + 1) + reach;
}

VD_INLINE int64_t vd_limited_distance(int64_t distance, int32_t reach) {
    return distance < -reach ? -reach : distance > reach ? reach : distance;
}

#endif

// Routing weights of SparseMixer (Liu et al. 2024, arXiv 2409.12136): the weight of a slot is a
// softmax over the experts with logits within a threshold of the slot's own, except the experts of
// earlier slots.
#ifndef VD_EXPERTS_SPARSE_MIXER_H
#define VD_EXPERTS_SPARSE_MIXER_H

#include <math.h>
#include <stdint.h>

// Returns whether a logit is within the threshold of the slot's logit, which is not smaller.
static inline int vd_within_threshold(float logit, float slot_logit) {
    float size = fabsf(logit) > slot_logit ? fabsf(logit) : slot_logit;
    return !((slot_logit - logit) / size > 0.02f);
}

#endif

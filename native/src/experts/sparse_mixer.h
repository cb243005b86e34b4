// Routing weights of SparseMixer (Liu et al. 2024, arXiv 2409.12136): the weight of a slot is a
// softmax over the experts whose logits are within a threshold of the slot's own.
#ifndef VD_EXPERTS_SPARSE_MIXER_H
#define VD_EXPERTS_SPARSE_MIXER_H

#include <math.h>
#include <stdint.h>

// Returns whether a logit is within the threshold of the slot's logit, which is not smaller.
static inline int vd_within_threshold(float logit, float slot_logit) {
    float size = fabsf(logit) > slot_logit ? fabsf(logit) : slot_logit;
    return !((slot_logit - logit) / size > 0.02f);
}

// Returns whether expert e takes part in the softmax of a slot whose expert is `own`: its logit is
// within the threshold, and no earlier slot has chosen it.
static inline int vd_shares_slot(const float *logits, const float *experts, int32_t slot,
                                 int32_t own, int32_t e) {
    for (int32_t before = 0; before < slot; before++) {
        if (experts[before] == (float)e) {
            return 0;
        }
    }
    return vd_within_threshold(logits[e], logits[own]);
}

#endif

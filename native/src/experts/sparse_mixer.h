// Which experts share the weight of a slot where it is one among those near to it (sparse mixer:
// Liu et al. 2024, arXiv 2409.12136).
#ifndef VD_EXPERTS_SPARSE_MIXER_H
#define VD_EXPERTS_SPARSE_MIXER_H

#include <math.h>
#include <stdint.h>

// Whether a logit comes near to that of the slot's expert, which is not less.
static inline int vd_within_threshold(float logit, float slot_logit) {
    float size = fabsf(logit) > slot_logit ? fabsf(logit) : slot_logit;
    return !((slot_logit - logit) / size > 0.02f);
}

// Whether an expert shares the weight of a slot of the expert `own`: it is near, and no slot before
// has it.
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

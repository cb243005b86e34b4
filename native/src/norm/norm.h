#ifndef VD_NORM_NORM_H
#define VD_NORM_NORM_H

#include <stddef.h>

#include "core/arch.h"
#include "core/pool.h"

// Normalizes heads [heads.begin, heads.end) of all rows: head h of row i has number i * op->heads +
// h.
typedef void vd_norm_kernel(const vd_norm *op, vd_range heads);

// Scales heads, numbered as in vd_norm_kernel.
typedef void vd_gain_kernel(const vd_gain *op, vd_range heads);

// Gain and bias of a head, each possibly null.
typedef struct vd_affine {
    const float *gain;
    const float *bias;
} vd_affine;

// Returns gain and bias of head `head`, counted over all rows of `heads` heads of d elements.
VD_INLINE vd_affine vd_affine_of(vd_affine all, int32_t per_head, int64_t head, int32_t heads,
                                 int64_t d) {
    int64_t offset = per_head ? head % heads * d : 0;
    return (vd_affine){all.gain == NULL ? NULL : all.gain + offset,
                       all.bias == NULL ? NULL : all.bias + offset};
}

#define VD_VARIANT(isa, name)      \
    vd_norm_kernel vd_norm_##name; \
    vd_gain_kernel vd_gain_##name;
#include "simd/variants_v16.inc"
#undef VD_VARIANT

extern vd_norm_kernel *const vd_norm_kernels[VD_ISA_COUNT];
extern vd_gain_kernel *const vd_gain_kernels[VD_ISA_COUNT];

#endif

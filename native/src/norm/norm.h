#ifndef VD_NORM_NORM_H
#define VD_NORM_NORM_H

#include "core/arch.h"
#include "core/pool.h"

// Normalizes heads [heads.begin, heads.end) of all rows: head h of row i is number i * op->heads +
// h.
typedef void vd_norm_kernel(const vd_norm *op, vd_range heads);

// Where in gain and bias those of a head begin.
VD_INLINE int64_t vd_norm_affine_offset(const vd_norm *op, int64_t head) {
    return op->per_head ? head % op->heads * op->d : 0;
}

#define VD_VARIANT(isa, name) vd_norm_kernel vd_norm_##name;
#include "norm/norm_kernels.inc"
#undef VD_VARIANT

extern vd_norm_kernel *const vd_norm_kernels[VD_ISA_COUNT];

#endif

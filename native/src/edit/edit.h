#ifndef VD_EDIT_EDIT_H
#define VD_EDIT_EDIT_H

#include "core/arch.h"
#include "core/pool.h"

// Replaces the component of the n columns y of a token in the span of the entry's basis by that of
// `values`. Null values are zeros.
typedef void vd_subspace_kernel(const vd_edit_entry *entry, const float *values, float *y,
                                int64_t n);

#define VD_VARIANT(isa, name) vd_subspace_kernel vd_subspace_##name;
#include "simd/variants_v16.inc"
#undef VD_VARIANT

extern vd_subspace_kernel *const vd_subspace_kernels[VD_ISA_COUNT];

#endif

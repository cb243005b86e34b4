#ifndef VD_EDIT_EDIT_H
#define VD_EDIT_EDIT_H

#include "core/arch.h"
#include "core/pool.h"

// Moves the n columns y of a token within the span of the entry's basis to those of `values`, which
// may be null for zeros.
typedef void vd_subspace_kernel(const vd_edit_entry *entry, const float *values, float *y,
                                int64_t n);

#define VD_VARIANT(isa, name) vd_subspace_kernel vd_subspace_##name;
#include "edit/edit_kernels.inc"
#undef VD_VARIANT

extern vd_subspace_kernel *const vd_subspace_kernels[VD_ISA_COUNT];

#endif

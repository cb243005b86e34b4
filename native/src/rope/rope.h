#ifndef VD_ROPE_ROPE_H
#define VD_ROPE_ROPE_H

#include "core/arch.h"
#include "core/pool.h"

// Rotates heads [heads.begin, heads.end), counted over all rows. positions is [rows].
typedef void vd_rope_kernel(const vd_rope *op, const int32_t *positions, vd_range heads);

#define VD_VARIANT(isa, name) vd_rope_kernel vd_rope_##name;
#include "simd/variants_v16.inc"
#undef VD_VARIANT

extern vd_rope_kernel *const vd_rope_kernels[VD_ISA_COUNT];

#endif

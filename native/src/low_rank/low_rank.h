#ifndef VD_LOW_RANK_LOW_RANK_H
#define VD_LOW_RANK_LOW_RANK_H

#include "core/arch.h"
#include "core/pool.h"

// Computes rows and columns of y = x + B * t for one adapter.
typedef void vd_low_rank_kernel(const vd_low_rank_up *op, const vd_low_rank *update, vd_range rows,
                                vd_range columns);

#define VD_VARIANT(isa, name) vd_low_rank_kernel vd_low_rank_##name;
#include "simd/variants_v16.inc"
#undef VD_VARIANT

extern vd_low_rank_kernel *const vd_low_rank_kernels[VD_ISA_COUNT];

#endif

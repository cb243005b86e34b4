#ifndef VD_NORM_NORM_H
#define VD_NORM_NORM_H

#include "core/arch.h"
#include "core/pool.h"

// Normalizes rows [rows.begin, rows.end) of op->x.
typedef void vd_norm_kernel(const vd_norm *op, vd_range rows);

#define VD_VARIANT(isa, name) vd_norm_kernel vd_norm_##name;
#include "norm/norm_kernels.inc"
#undef VD_VARIANT

extern vd_norm_kernel *const vd_norm_kernels[VD_ISA_COUNT];

#endif

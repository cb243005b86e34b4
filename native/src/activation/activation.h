#ifndef VD_ACTIVATION_ACTIVATION_H
#define VD_ACTIVATION_ACTIVATION_H

#include "core/arch.h"
#include "core/pool.h"

// Elements [range.begin, range.end), counted over all rows.
typedef void vd_activation_kernel(const vd_activation *op, vd_range range);

#define VD_VARIANT(isa, name) vd_activation_kernel vd_activation_##name;
#include "activation/activation_kernels.inc"
#undef VD_VARIANT

extern vd_activation_kernel *const vd_activation_kernels[VD_ISA_COUNT];

#define VD_GELU_CUBIC 0.044715f
#define VD_GELU_MINUS_2_SQRT_2_OVER_PI (-1.59576912f)

#endif

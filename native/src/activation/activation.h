#ifndef VD_ACTIVATION_ACTIVATION_H
#define VD_ACTIVATION_ACTIVATION_H

#include "core/arch.h"
#include "core/pool.h"

// Computes elements [range.begin, range.end), counted over all rows.
typedef void vd_activation_kernel(const vd_activation *op, vd_range range);
typedef void vd_activation_backward_kernel(const vd_activation_backward *op, vd_range range);

#define VD_VARIANT(isa, name)                  \
    vd_activation_kernel vd_activation_##name; \
    vd_activation_backward_kernel vd_activation_backward_##name;
#include "simd/variants_v16.inc"
#undef VD_VARIANT

extern vd_activation_kernel *const vd_activation_kernels[VD_ISA_COUNT];
extern vd_activation_backward_kernel *const vd_activation_backward_kernels[VD_ISA_COUNT];

// Coefficients, highest first, of the polynomial factor of exp(-x^2/2) in GELU (docs/numerics.md).
static const float vd_gelu_tail[] = {
    -0x1.4ab9d0p-13f, -0x1.46c29ep-12f, 0x1.66d454p-11f, 0x1.4ad120p-9f,  -0x1.a3a5e4p-10f,
    -0x1.0c78a4p-6f,  0x1.2ea424p-7f,   0x1.0e4f30p-3f,  -0x1.bc19c2p-2f, 0x1.69cee6p-1f};
enum { VD_GELU_TERMS = sizeof vd_gelu_tail / sizeof vd_gelu_tail[0] };

#define VD_GELU_CUBIC 0.044715f
#define VD_GELU_MINUS_2_SQRT_2_OVER_PI (-1.59576912f)
#define VD_GELU_3_CUBIC 0.134145f
#define VD_SWISH_LIMIT 7.0f
#define VD_SWISH_SLOPE 1.702f
#define VD_NORMAL_DENSITY 0.3989423f  // 1 / sqrt(2 pi)

#endif

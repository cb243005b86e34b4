// exp of docs/numerics.md on arrays, for every instruction set that has its own vector type.
#ifndef VD_TEST_EXP_KERNELS_H
#define VD_TEST_EXP_KERNELS_H

#include <stdint.h>

#include "core/arch.h"
#include "vidrio.h"

// Computes y = exp(x) for n elements, a multiple of 16.
typedef void exp_kernel(const float *x, float *y, int64_t n);

#define VD_VARIANT(isa, name) exp_kernel exp_##name;
#include "simd/variants_v16.inc"
#undef VD_VARIANT

#endif

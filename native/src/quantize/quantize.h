#ifndef VD_QUANTIZE_QUANTIZE_H
#define VD_QUANTIZE_QUANTIZE_H

#include "core/arch.h"
#include "core/pool.h"
#include "types/types.h"

// Quantizes blocks [blocks.begin, blocks.end) of x, counted over all rows.
typedef void vd_quantize_kernel(const float *x, vd_quantized y, vd_range blocks);

#define VD_VARIANT(isa, name) vd_quantize_kernel vd_quantize_##name;
#include "simd/variants_v16.inc"
#undef VD_VARIANT

extern vd_quantize_kernel *const vd_quantize_kernels[VD_ISA_COUNT];

// Advances by `row` rows of K elements.
static inline void vd_advance_quantized(vd_quantized *xq, int64_t row, int64_t K) {
    xq->q += row * K;
    xq->scale += row * (K / VD_BLOCK);
    xq->sum += row * (K / VD_SUM_BLOCK);
    xq->scaled_sum += row * (K / VD_BLOCK);
}

enum {
    VD_NOT_FINITE_BITS = 0x7f800000,  // magnitudes from here on are infinite or NaN
    VD_TINY_BITS = 0x0d800000         // 2^-100: blocks of smaller magnitude become zero
};

#endif

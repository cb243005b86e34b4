// Matmul accumulates dot products in partial sums if they are narrower than the total (v16_avx2.h).
// On the instruction sets that include this header they are not: a partial sum starts with the
// total, and is the total at its end.
#ifndef VD_SIMD_PARTIAL_SUMS_I32_H
#define VD_SIMD_PARTIAL_SUMS_I32_H

// Returns how many columns of 4 weights of magnitudes up to max_weight a partial sum may add.
VD_INLINE int i8x64_partial_columns(int max_weight) {
    (void)max_weight;
    return 8;
}
VD_INLINE i32x16 i8x64_begin_partial(i32x16 sum) { return sum; }
VD_INLINE i32x16 i8x64_end_partial(i32x16 sum, i32x16 partial) {
    (void)sum;
    return partial;
}

#endif

// Matmul sums a run of dot products apart from the whole sum where the whole sum has more bits
// (v16_avx2.h). Here it has not: a run goes on from the sum, and is the sum at its end. Included by
// the f32x16 of such instruction sets.
#ifndef VD_SIMD_WHOLE_RUNS_H
#define VD_SIMD_WHOLE_RUNS_H

// How many columns of 4 weights of magnitudes up to `greatest` a run may have.
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

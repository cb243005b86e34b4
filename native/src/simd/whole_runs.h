// Matmul sums a run of dot products apart from the whole sum where the whole sum has more bits
// (v16_avx2.h). Here it has not: a run goes on from the sum, and is the sum at its end. Included by
// the v16 of such instruction sets.
#ifndef VD_SIMD_WHOLE_RUNS_H
#define VD_SIMD_WHOLE_RUNS_H

// How many columns of 4 weights of magnitudes up to `greatest` a run may have.
VD_INLINE int v64_run(int greatest) {
    (void)greatest;
    return 8;
}
VD_INLINE v16i v64_begin_run(v16i sum) { return sum; }
VD_INLINE v16i v64_end_run(v16i sum, v16i run) {
    (void)sum;
    return run;
}

#endif

// Searches for the scale, and the minimum, with which whole numbers stand for floats best. The
// error is a weighted sum of squares. Its minimum is not found exactly: candidates are tried around
// the scale at which the extreme element falls on the last level, and for the codes of each the
// best scale follows by least squares. The candidates, and the order of every sum, are those of
// llama.cpp, so that files come out byte for byte alike.
#ifndef VD_ENCODE_SEARCH_H
#define VD_ENCODE_SEARCH_H

#include "types/types.h"

// Groups whose elements are all smaller count as zero.
#define VD_ENCODE_EPSILON 1e-15f

// The nearest whole number, ties to even, of |x| < 2^22; garbage, but no trap, beyond.
VD_INLINE int32_t vd_nearest(float x) {
    return (int32_t)(vd_float_to_bits(x + 0x1.8p23f) & 0x7fffff) - 0x400000;
}

VD_INLINE int32_t vd_clamp(int32_t x, int32_t low, int32_t high) {
    return x < low ? low : x > high ? high : x;
}

// The first element of greatest magnitude.
float vd_extreme(int n, const float *x);

// x ~ scale * (code - levels), codes 0 to 2 levels - 1. Returns the scale; where it is zero, codes
// are zero.
float vd_fit_scale(int n, int levels, const float *x, const float *weights, uint8_t *codes);

// The same, by moving one code after the other as long as the error falls.
float vd_fit_scale_by_moves(int n, int levels, const float *x, const float *weights,
                            uint8_t *codes);

// x ~ scale * code for x that are not negative, codes 0 to levels.
float vd_fit_positive(int n, int levels, const float *x, const float *weights, uint8_t *codes);

// Which scales vd_fit_affine tries: (levels + first + i * step) / (max - min), i = 0 to steps.
typedef struct vd_candidates {
    float first;
    float step;
    int steps;
    int absolute;  // 1: by the sum of magnitudes of errors, not of their squares
} vd_candidates;

// x ~ scale * code - *offset, codes 0 to levels; the offset is not negative. At most 32 elements.
float vd_fit_affine(int n, int levels, const float *x, const float *weights,
                    vd_candidates candidates, uint8_t *codes, float *offset);

// The code of IQ4 whose weight is nearest; of two, the greater.
uint8_t vd_nearest_uneven(float x);

// The scale of 32 elements of IQ4 with the least error, of some that turn the extreme element into
// about the least weight.
float vd_fit_uneven(const float *x, const float *weights);

// 1 / d, and 0 where d is.
VD_INLINE float vd_inverse(float d) { return d != 0 ? 1 / d : 0.0f; }

#endif

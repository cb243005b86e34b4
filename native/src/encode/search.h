// Searches for the scale, and the minimum, that quantize floats with the smallest weighted sum of
// squared errors. The exact minimum is not found: candidates are tried around the scale that maps
// the extreme element to the last level, and the scale is refined by least squares for the codes of
// each candidate. Candidates and the order of every sum are those of llama.cpp, so that files are
// byte for byte identical.
#ifndef VD_ENCODE_SEARCH_H
#define VD_ENCODE_SEARCH_H

#include "types/types.h"

// Groups of elements that are all smaller are encoded as zero.
#define VD_ENCODE_EPSILON 1e-15f

// Returns the nearest integer, ties to even, for |x| < 2^22. Beyond, the result is unspecified, but
// the conversion does not trap.
VD_INLINE int32_t vd_nearest(float x) {
    return (int32_t)(vd_float_to_bits(x + 0x1.8p23f) & 0x7fffff) - 0x400000;
}

VD_INLINE int32_t vd_clamp(int32_t x, int32_t low, int32_t high) {
    return x < low ? low : x > high ? high : x;
}

// Returns the first element of maximum magnitude.
float vd_extreme(int n, const float *x);

// Fits x ~ scale * (code - levels), codes 0 to 2 levels - 1. Returns the scale; if it is zero, so
// are the codes.
float vd_fit_scale(int n, int levels, const float *x, const float *weights, uint8_t *codes);

// As vd_fit_scale, by adjusting one code after another as long as the error falls.
float vd_fit_scale_by_moves(int n, int levels, const float *x, const float *weights,
                            uint8_t *codes);

// Fits x ~ scale * code for non-negative x, codes 0 to levels.
float vd_fit_positive(int n, int levels, const float *x, const float *weights, uint8_t *codes);

// The scales that vd_fit_affine tries: (levels + first + i * step) / (max - min), i = 0 to steps.
typedef struct vd_candidates {
    float first;
    float step;
    int steps;
    int absolute;  // 1: minimizes the sum of absolute errors instead of squares
} vd_candidates;

// Fits x ~ scale * code - *offset, codes 0 to levels, offset not negative, for at most 32 elements.
float vd_fit_affine(int n, int levels, const float *x, const float *weights,
                    vd_candidates candidates, uint8_t *codes, float *offset);

// Returns the code of IQ4 with the nearest weight; of two, the larger code.
uint8_t vd_nearest_uneven(float x);

// Returns the scale of 32 elements of IQ4 with the smallest error, among candidates that map the
// extreme element to about the minimum weight.
float vd_fit_uneven(const float *x, const float *weights);

// Returns 1 / d, or 0 if d is 0.
VD_INLINE float vd_inverse(float d) { return d != 0 ? 1 / d : 0.0f; }

#endif

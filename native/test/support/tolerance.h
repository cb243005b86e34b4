// Error bounds of f32 kernels as functions of lengths and magnitudes, after Higham, Accuracy and
// Stability of Numerical Algorithms, 2002, chapter 3. None is fitted to measurements.
#ifndef VD_TEST_TOLERANCE_H
#define VD_TEST_TOLERANCE_H

#include <math.h>
#include <stdint.h>

// The relative error of one rounding to f32.
#define UNIT_ROUNDOFF 0x1p-24

// Returns the relative error of n consecutive roundings.
static inline double roundings(int64_t n) {
    return (double)n * UNIT_ROUNDOFF / (1 - (double)n * UNIT_ROUNDOFF);
}

// Returns the absolute error of n operations with results that may be denormal.
static inline double underflows(int64_t n) { return (double)n * 0x1p-150; }

// Returns the number of roundings of a term in a lane sum of n terms: in its lane and in the tree.
static inline int64_t lane_sum_depth(int64_t n) { return (n + 15) / 16 + 4; }

// Returns the distance of adjacent floats around a non-negative value.
static inline double unit_in_last_place(double value) {
    return value < 0x1p-126 ? 0x1p-149 : ldexp(1, ilogb(value) - 23);
}

// Errors of functions in units in the last place, and relative to a normal result. Here: exp.
#define EXP_ULPS 1.01
#define EXP_ERROR (EXP_ULPS * 0x1p-23)

// tanh.
#define TANH_ULPS 3
#define TANH_ERROR (TANH_ULPS * 0x1p-23)

// GELU by the error function.
#define GELU_ULPS 11
#define GELU_ERROR (GELU_ULPS * 0x1p-23)

// softplus.
#define SOFTPLUS_ULPS 1.9
#define SOFTPLUS_ERROR (SOFTPLUS_ULPS * 0x1p-23)

#endif

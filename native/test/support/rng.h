// Seeded random numbers, which are equal on every machine and in every run.
#ifndef VD_TEST_RNG_H
#define VD_TEST_RNG_H

#include <stdint.h>

// SplitMix64 (Steele et al. 2014). The initial state is the seed.
typedef struct rng {
    uint64_t state;
} rng;

// The distribution of random floats.
typedef enum floats {
    ORDINARY,   // -4 to 4
    WIDE,       // magnitudes from 2^-40 to 2^40
    TINY,       // denormals, and normals near them
    HUGE_ONES,  // magnitudes near the maximum: sums and squares overflow
    ZEROS,      // +0 and -0
    MIXED,      // all of the above
    SPECIAL,    // MIXED, and occasionally an infinity or a NaN
    FLOATS_COUNT,
} floats;

const char *floats_name(floats kind);

uint64_t rng_next(rng *r);

// Returns a number from 0 to n - 1.
int64_t rng_below(rng *r, int64_t n);

// Returns a number from min to max, both included.
int64_t rng_between(rng *r, int64_t min, int64_t max);

float rng_uniform(rng *r, float from, float to);

float rng_float(rng *r, floats kind);

void rng_fill(rng *r, floats kind, float *p, int64_t n);

#endif

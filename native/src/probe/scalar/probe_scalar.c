#include "probe/probe.h"

enum { CHAINS = 8 };

static double multiply_add(int64_t rounds) {
    float chain[CHAINS] = {1, 2, 3, 4, 5, 6, 7, 8};
    volatile float factor = 0.999f;  // read once; keeps compilers from evaluating the loop
    float f = factor;
    for (int64_t i = 0; i < rounds; i++) {
        for (int j = 0; j < CHAINS; j++) {
            chain[j] = chain[j] * f + f;
        }
    }
    float sum = 0;
    for (int j = 0; j < CHAINS; j++) {
        sum += chain[j];
    }
    return (double)sum;
}

static double multiply_add_bytes(int64_t rounds) {
    uint32_t chain[CHAINS] = {1, 2, 3, 4, 5, 6, 7, 8};
    volatile int8_t factor = 3;
    uint32_t f = (uint32_t)factor;
    for (int64_t i = 0; i < rounds; i++) {
        for (int j = 0; j < CHAINS; j++) {
            chain[j] = chain[j] * f + f;
        }
    }
    uint32_t sum = 0;
    for (int j = 0; j < CHAINS; j++) {
        sum += chain[j];
    }
    return sum;
}

const vd_probe_kernel vd_probe_fma_scalar = {multiply_add, 2 * CHAINS};
const vd_probe_kernel vd_probe_dot_scalar = {multiply_add_bytes, 2 * CHAINS};

// Peak rates of the instructions that dominate the kernels: enough chains to hide their latency,
// few enough to stay in registers.
#include "probe/probe.h"

enum { CHAINS = VD_REGISTER_LANES == 16 ? 12 : 4 };  // of 1, 2 or 4 registers

static double fma_chains(int64_t rounds) {
    f32x16 chain[CHAINS];
    volatile float factor = 0.999f;
    f32x16 f = f32x16_splat(factor);
    for (int j = 0; j < CHAINS; j++) {
        chain[j] = f32x16_splat((float)j);
    }
    for (int64_t i = 0; i < rounds; i++) {
        for (int j = 0; j < CHAINS; j++) {
            chain[j] = f32x16_fma(chain[j], f, f);
        }
    }
    f32x16 sum = f32x16_zero();
    for (int j = 0; j < CHAINS; j++) {
        sum = f32x16_add(sum, chain[j]);
    }
    return (double)f32x16_reduce_add(sum);
}

static double dot_chains(int64_t rounds) {
    i32x16 chain[CHAINS];
    int8_t bytes[64];
    volatile int8_t one = 1;
    for (int i = 0; i < 64; i++) {
        bytes[i] = one;
    }
    i8x64 w = i8x64_load(bytes);
    for (int j = 0; j < CHAINS; j++) {
        chain[j] = i32x16_zero();
    }
    for (int64_t i = 0; i < rounds; i++) {
        for (int j = 0; j < CHAINS; j++) {
            w = i8x64_opaque(w);  // keeps products that do not depend on the sum from being hoisted
            chain[j] = i8x64_dot_unsigned(chain[j], w, bytes);
        }
    }
    i32x16 sum = i32x16_zero();
    for (int j = 0; j < CHAINS; j++) {
        sum = i32x16_add(sum, chain[j]);
    }
    return i32x16_reduce_add(sum);
}

const vd_probe_kernel VD_NAME(vd_probe_fma) = {fma_chains, 2 * 16 * CHAINS};
const vd_probe_kernel VD_NAME(vd_probe_dot) = {dot_chains, 2 * 64 * CHAINS};

// Peaks of the instructions that the kernels live on: chains long enough to hide their latency, few
// enough to stay in registers.
#include "probe/probe.h"

enum { CHAINS = VD_LANES == 16 ? 12 : 4 };  // of 1, 2 or 4 registers

static float fma_chains(int64_t rounds) {
    v16 chain[CHAINS];
    volatile float factor = 0.999f;
    v16 f = v16_splat(factor);
    for (int j = 0; j < CHAINS; j++) {
        chain[j] = v16_splat((float)j);
    }
    for (int64_t i = 0; i < rounds; i++) {
        for (int j = 0; j < CHAINS; j++) {
            chain[j] = v16_fma(chain[j], f, f);
        }
    }
    v16 sum = v16_zero();
    for (int j = 0; j < CHAINS; j++) {
        sum = v16_add(sum, chain[j]);
    }
    return v16_merge(sum);
}

static int32_t dot_chains(int64_t rounds) {
    v16i chain[CHAINS];
    int8_t bytes[64];
    volatile int8_t one = 1;
    for (int i = 0; i < 64; i++) {
        bytes[i] = one;
    }
    v64 w = v64_load(bytes);
    for (int j = 0; j < CHAINS; j++) {
        chain[j] = v16i_zero();
    }
    for (int64_t i = 0; i < rounds; i++) {
        for (int j = 0; j < CHAINS; j++) {
            w = v64_opaque(w);  // or products that do not take the sum would be computed once
            chain[j] = v64_dot_unsigned(chain[j], w, bytes);
        }
    }
    v16i sum = v16i_zero();
    for (int j = 0; j < CHAINS; j++) {
        sum = v16i_add(sum, chain[j]);
    }
    return v16i_sum(sum);
}

const vd_probe_kernels VD_NAME(vd_probe) = {
    .fma = fma_chains,
    .dot = dot_chains,
    .fma_ops = 2 * 16 * CHAINS,
    .dot_ops = 2 * 64 * CHAINS,
};

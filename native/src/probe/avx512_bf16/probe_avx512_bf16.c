// probe for AVX-512 BF16.
#include "probe/probe.h"
#include "simd/v16_avx512.h"

enum { CHAINS = 16 };

static double pair_chains(int64_t rounds) {
    f32x16 chain[CHAINS];
    volatile int32_t ones = 0x3f803f80;
    __m512i pairs = i32x16_splat(ones);
    for (int j = 0; j < CHAINS; j++) {
        chain[j] = f32x16_zero();
    }
    for (int64_t i = 0; i < rounds; i++) {
        for (int j = 0; j < CHAINS; j++) {
            chain[j] = _mm512_dpbf16_ps(chain[j], (__m512bh)pairs, (__m512bh)pairs);
        }
    }
    f32x16 sum = f32x16_zero();
    for (int j = 0; j < CHAINS; j++) {
        sum = f32x16_add(sum, chain[j]);
    }
    return (double)f32x16_reduce_add(sum);
}

const vd_probe_kernel vd_probe_pairs_avx512_bf16 = {pair_chains, 2 * 32 * CHAINS};

// Chains of products of tiles of ones. The includer defines PRODUCT, which adds the products of
// tiles 4 and 5 by 6 and 7 to tile c (0 to 3); value, the type of their elements; ONE; and sum,
// that of tiles of sums.
#include <stdalign.h>

#include "probe/probe.h"
#include "simd/amx.h"

enum { CHAINS = 4, ROWS = 16, COLUMNS = 64 / sizeof(value) };

static const amx_config tiles = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {ROWS, ROWS, ROWS, ROWS, ROWS, ROWS, ROWS, ROWS},
};

static double tile_chains(int64_t rounds) {
    alignas(64) value ones[COLUMNS];
    alignas(64) sum sums[CHAINS * ROWS * 16];
    for (size_t i = 0; i < COLUMNS; i++) {
        ones[i] = ONE;
    }
    amx_configure(&tiles);
#pragma GCC unroll 4
    for (int t = CHAINS; t < 2 * CHAINS; t++) {
        amx_load(t, ones, 0);
    }
#pragma GCC unroll 4
    for (int c = 0; c < CHAINS; c++) {
        amx_zero(c);
    }
    for (int64_t i = 0; i < rounds; i++) {
#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++) {
            PRODUCT(c);
        }
    }
#pragma GCC unroll 4
    for (int c = 0; c < CHAINS; c++) {
        amx_store(c, sums + c * ROWS * 16, 64);
    }
    amx_release();
    double total = 0;
    for (int i = 0; i < CHAINS * ROWS * 16; i++) {
        total += (double)sums[i];
    }
    return total;
}

enum { OPS = CHAINS * 2 * ROWS * 16 * COLUMNS };

// kv store: what it writes is found where vd_kv_cache says, and nothing else is written.
#include <string.h>

#include "support/cache.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/plans.h"
#include "support/rng.h"

enum { SEQUENCES = 3, BLOCKS = 4, BLOCK = 64, D_H_MAX = 129, HEADS_MAX = 3, ROWS = 21 };

static float k[ROWS * HEADS_MAX * D_H_MAX], v[ROWS * HEADS_MAX * D_H_MAX];

// Runs of positions in three sequences, across the ends of lanes and blocks.
static void fill_batch(batch *b, rng *r) {
    batch_begin(b, r, SEQUENCES, BLOCKS);
    for (int32_t i = 0; i < ROWS; i++) {
        static const int32_t starts[SEQUENCES] = {0, 60, 190};
        batch_add(b, i / 7, starts[i / 7] + i % 7, 0, 0);
    }
}

static void expect(const batch *b, const vd_kv_cache *cache) {
    for (int32_t row = 0; row < ROWS; row++) {
        const int32_t *blocks = b->block_tables + b->sequences[row] * BLOCKS;
        for (int32_t h = 0; h < cache->H_kv; h++) {
            for (int32_t i = 0; i < cache->d_h; i++) {
                int64_t from = ((int64_t)row * cache->H_kv + h) * cache->d_h + i;
                *key_at(cache, blocks, h, b->positions[row], i) = k[from];
                *value_at(cache, blocks, h, b->positions[row], i) = v[from];
            }
        }
    }
}

static void check_shape(rng *r, int32_t H_kv, int32_t d_h, int32_t workers, placement where) {
    describe("kv store, H_kv %d, d_h %d, workers %d", H_kv, d_h, workers);
    batch b;
    fill_batch(&b, r);
    size_t row_bytes = (size_t)ROWS * H_kv * d_h * sizeof(float);
    int32_t blocks = SEQUENCES * BLOCKS;
    vd_kv_cache expected = cache_of_nans(blocks, H_kv, d_h, where);
    expect(&b, &expected);
    vd_op op = {.kind = VD_OP_KV_STORE,
                .as.kv_store = {.k = guarded_copy(k, row_bytes, where),
                                .v = guarded_copy(v, row_bytes, where),
                                .cache = cache_of_nans(blocks, H_kv, d_h, where)}};
    run_ops(&op, 1, VD_ISA_SCALAR, workers, &b.view);
    int64_t bytes = (int64_t)blocks * H_kv * BLOCK * d_h * (int64_t)sizeof(float);
    same_bytes("keys", expected.keys, op.as.kv_store.cache.keys, bytes);
    same_bytes("values", expected.values, op.as.kv_store.cache.values, bytes);
    guarded_free_all();
}

int main(void) {
    describe_faults();
    rng r = {7};
    rng_fill(&r, NASTY, k, sizeof k / sizeof k[0]);
    rng_fill(&r, NASTY, v, sizeof v / sizeof v[0]);
    static const int32_t widths[] = {1, 2, 15, 16, 17, 32, 80, 128, D_H_MAX};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        for (int32_t H_kv = 1; H_kv <= HEADS_MAX; H_kv++) {
            for (int32_t workers = 1; workers <= 5; workers += 2) {
                check_shape(&r, H_kv, widths[i], workers, (placement)(i % PLACEMENTS));
            }
        }
    }
    return 0;
}

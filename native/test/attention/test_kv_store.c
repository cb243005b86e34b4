// kv store: keys and values are rounded and stored where vd_kv_cache specifies; no other byte
// changes.
#include <math.h>
#include <string.h>

#include "support/cache.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/plans.h"
#include "support/rng.h"

enum { SEQUENCES = 3, BLOCKS = 4, BLOCK = 64, D_H_MAX = 129, HEADS_MAX = 3, ROWS = 21 };

static float k[ROWS * HEADS_MAX * D_H_MAX], v[ROWS * HEADS_MAX * D_H_MAX];

// Fills the batch with consecutive positions of three sequences, across ends of lanes and blocks.
static void fill_batch(batch *b, rng *r) {
    batch_begin(b, r, SEQUENCES, BLOCKS);
    for (int32_t i = 0; i < ROWS; i++) {
        static const int32_t starts[SEQUENCES] = {0, 60, 190};
        batch_add(b, i / 7, starts[i / 7] + i % 7, 0, 0);
    }
}

// Checks that an element is x rounded to the nearest representable number. In Q8_0 the error is at
// most half a step, plus the effect of the scale's rounding.
static void check_element(vd_type type, kv_element element, float x) {
    double actual = element_value(type, element);
    if (type == VD_F32) {
        same_bytes("element", &x, element.at, sizeof x);
    } else if (!isfinite(x)) {
        CHECK(isnan(x) ? isnan(actual) : !isfinite(actual));
    } else if (type == VD_Q8_0) {
        if (isfinite(actual)) {
            double step =
                element_value(type, (kv_element){.at = &(int8_t){1}, .scale = element.scale});
            CHECK(fabs(actual - (double)x) <= step * (0.5 + 127 * 0x1p-10) + 127 * 0x1p-25);
        }
    } else {
        if (isinf(actual)) {
            CHECK(fabs((double)x) >= (type == VD_F16 ? 65520 : 0x1.ffp127));
            return;
        }
        uint16_t bits;
        memcpy(&bits, element.at, sizeof bits);
        uint16_t up = (uint16_t)(bits + 1), down = (uint16_t)(bits - 1);
        double error = fabs(actual - (double)x);
        double above = element_value(type, (kv_element){.at = &up});
        double below = element_value(type, (kv_element){.at = &down});
        CHECK(!isfinite(above) || error <= fabs(above - (double)x));
        CHECK((bits & 0x7fff) == 0 || error <= fabs(below - (double)x));
        int tie = isfinite(above) && error == fabs(above - (double)x) && above != actual;
        CHECK(!tie || bits % 2 == 0);
    }
}

// Checks elements of Q4_0 given the rotated row x [d] and the sum of the row's magnitudes. The
// steps are half a step wide, but for that from 7 to 8, which the largest element may fall into
// with the wrong sign.
static void check_rotated(const kv_element *elements, const double *x, int32_t d,
                          double magnitude) {
    if (!(magnitude < 0x1p100)) {
        return;  // the sums of the rotation may overflow
    }
    for (int32_t i = 0; i < d; i++) {
        double actual = element_value(VD_Q4_0, elements[i]);
        if (isfinite(actual)) {
            uint8_t nine = 9;
            double step =
                fabs(element_value(VD_Q4_0, (kv_element){.at = &nine, .scale = elements[i].scale}));
            double error = step * (1 + 8 * 0x1p-10) + 8 * 0x1p-25 + magnitude * 0x1p-18;
            CHECK(fabs(actual - x[i]) <= error);
            // Half a step, unless the code is the largest one.
            int code = elements[i].high ? *(uint8_t *)elements[i].at >> 4
                                        : *(uint8_t *)elements[i].at & 15;
            CHECK(code == 15 || fabs(actual - x[i]) <= error - step / 2);
        }
    }
}

static void check_row(const vd_kv_cache *cache, const kv_element *elements, const float *row,
                      int32_t d) {
    if (cache->type != VD_Q4_0) {
        for (int32_t i = 0; i < d; i++) {
            check_element((vd_type)cache->type, elements[i], row[i]);
        }
        return;
    }
    double x[D_H_MAX] = {0}, rotated[D_H_MAX], magnitude = 0;
    for (int32_t i = 0; i < d; i++) {
        x[i] = (double)row[i];
        magnitude += fabs(x[i]);
    }
    rotate_exactly(x, rotated, d, rotation_of(cache, d));
    check_rotated(elements, rotated, d, magnitude);
}

static void check_stored(const batch *b, const vd_kv_cache *cache) {
    kv_element elements[D_H_MAX];
    for (int32_t row = 0; row < ROWS; row++) {
        const int32_t *blocks = b->block_tables + b->sequences[row] * BLOCKS;
        for (int32_t h = 0; h < cache->H_kv; h++) {
            int64_t at = (int64_t)row * cache->H_kv + h;
            for (int32_t i = 0; i < cache->d_h; i++) {
                elements[i] = key_at(cache, blocks, h, b->positions[row], i);
            }
            check_row(cache, elements, k + at * cache->d_h, cache->d_h);
            if (cache->values == cache->keys) {
                continue;
            }
            for (int32_t i = 0; i < cache->d_v; i++) {
                elements[i] = value_at(cache, blocks, h, b->positions[row], i);
            }
            check_row(cache, elements, v + at * cache->d_v, cache->d_v);
        }
    }
}

static int64_t untouched_bytes(const void *memory, int64_t bytes) {
    int64_t n = 0;
    for (int64_t i = 0; i < bytes; i++) {
        n += ((const uint8_t *)memory)[i] == 0xff;
    }
    return n;
}

static void stores_rows(rng *r, int32_t H_kv, int32_t d_h, int32_t d_v, vd_type type, int shared,
                        int32_t workers, int32_t nodes, placement where) {
    describe("kv store, type %d, H_kv %d, d_h %d, d_v %d, shared %d, workers %d on %d nodes",
             (int)type, H_kv, d_h, d_v, shared, workers, nodes);
    batch b;
    fill_batch(&b, r);
    size_t row_bytes = (size_t)ROWS * H_kv * sizeof(float);
    int32_t blocks = SEQUENCES * BLOCKS;
    vd_op op = {.kind = VD_OP_KV_STORE,
                .as.kv_store = {.k = guarded_copy(k, row_bytes * (size_t)d_h, where),
                                .v = guarded_copy(v, row_bytes * (size_t)d_v, where),
                                .cache = cache_of_nans(blocks, H_kv, d_h, d_v, type, where)}};
    vd_kv_cache *cache = &op.as.kv_store.cache;
    const void *own_values = cache->values;
    if (shared) {
        share_values(cache);
    }
    run_ops_on(pool_on_nodes(workers, nodes), &op, 1, VD_ISA_SCALAR, &b.view);
    check_stored(&b, cache);
    // No other bytes are written: their number is at most that of the rows.
    int64_t keys = cache_bytes(cache, blocks, d_h), values = cache_bytes(cache, blocks, d_v);
    int64_t key_stored = cache_row_bytes(cache, d_h) * ROWS;
    int64_t value_stored = shared ? 0 : cache_row_bytes(cache, d_v) * ROWS;
    if (type == VD_Q4_0) {
        key_stored += SEQUENCES * H_kv * (d_h + d_h / 32 * 2);  // anchors
    }
    CHECK(untouched_bytes(cache->keys, keys) >= keys - key_stored);
    CHECK(untouched_bytes(own_values, values) >= values - value_stored);
    guarded_free_all();
}

// Stores rows [begin, end) of one sequence from position 0 on.
static void store_part(const vd_kv_cache *cache, rng r, int32_t begin, int32_t end) {
    batch b;
    batch_begin(&b, &r, 1, 1);
    for (int32_t i = begin; i < end; i++) {
        batch_add(&b, 0, i, 0, 0);
    }
    vd_op op = {.kind = VD_OP_KV_STORE,
                .as.kv_store = {.k = k + (int64_t)begin * cache->H_kv * cache->d_h,
                                .v = v + (int64_t)begin * cache->H_kv * cache->d_v,
                                .cache = *cache}};
    run_ops_on(pool_on_nodes(3, 1), &op, 1, VD_ISA_SCALAR, &b.view);
}

// Checks that keys have the same bits if the key of their block's anchor was stored in an earlier
// step.
static void equals_parts(vd_type type) {
    enum { H_KV = 2, WIDTH = 64 };
    describe("kv store in parts, type %d", (int)type);
    vd_kv_cache whole = cache_of_nans(1, H_KV, WIDTH, WIDTH, type, AT_END);
    vd_kv_cache parts = cache_of_nans(1, H_KV, WIDTH, WIDTH, type, AT_END);
    rng r = {5};
    store_part(&whole, r, 0, ROWS);
    for (int32_t i = 0; i < ROWS; i += 7) {
        store_part(&parts, r, i, i + 7);
    }
    same_bytes("keys", whole.keys, parts.keys, (size_t)cache_bytes(&whole, 1, WIDTH));
    same_bytes("values", whole.values, parts.values, (size_t)cache_bytes(&whole, 1, WIDTH));
    guarded_free_all();
}

int main(void) {
    describe_faults();
    rng r = {7};
    rng_fill(&r, SPECIAL, k, sizeof k / sizeof k[0]);
    rng_fill(&r, SPECIAL, v, sizeof v / sizeof v[0]);
    for (int32_t t = 0; t < KV_TYPES; t++) {
        equals_parts(kv_types[t]);
    }
    static const int32_t widths[] = {1, 2, 15, 16, 17, 64, 32, 80, 128, D_H_MAX};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        for (int32_t H_kv = 1; H_kv <= HEADS_MAX; H_kv++) {
            for (int32_t t = 0; t < KV_TYPES; t++) {
                // Values as wide as keys, then of the next width.
                for (size_t j = i; j < i + 2 && j < sizeof widths / sizeof widths[0]; j++) {
                    if (!has_scales(kv_types[t]) || (widths[i] % 32 == 0 && widths[j] % 32 == 0)) {
                        int shared = t % 2 == 1 && widths[j] <= widths[i];
                        stores_rows(&r, H_kv, widths[i], widths[j], kv_types[t], shared,
                                    1 + 2 * (t % 4), 1 + t % 4, (placement)(i % PLACEMENTS));
                    }
                }
            }
        }
    }
    return 0;
}

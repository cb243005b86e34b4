// embed: elements equal docs/numerics.md. The reference is exact: an element is one product, or one
// product and sum, of numbers so short that double represents the result, rounded to float at the
// end.
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/weights.h"

enum { TOKENS = 23, ROWS = 12, OFFSET = 11 };

static void embeds_rows_of_a_table(rng *r, vd_type type, weight_bits bits, int32_t d,
                                   vd_embed_index index, int32_t skip, placement where) {
    int32_t V = (TOKENS - 1) * (1 + skip) + OFFSET + 1;
    batch b;
    batch_begin(&b, r, 1, 1);
    for (int32_t i = 0; i < ROWS; i++) {
        batch_add(&b, 0, i, i == 0 ? TOKENS - 1 : (int32_t)rng_below(r, TOKENS), 0);
        b.types[i] = i % 2;
    }
    int64_t row_bytes = weights_row_bytes(type, d);
    unsigned char *table = guarded_alloc((size_t)(V * row_bytes), where);
    random_weights(r, type, bits, V, d, table);
    float *expected = guarded_alloc((size_t)ROWS * d * sizeof(float), where);
    for (int64_t i = 0; i < (int64_t)ROWS * d; i++) {
        int64_t chosen = index == VD_EMBED_TOKENS  ? b.tokens[i / d]
                         : index == VD_EMBED_TYPES ? b.types[i / d]
                                                   : b.positions[i / d];
        const unsigned char *row = table + (chosen * (1 + skip) + OFFSET) * row_bytes;
        expected[i] = (float)weight_value(type, row, i % d);
    }
    for (int32_t workers = 1; workers <= 3; workers++) {
        describe("embed %s, d %d, bits %d, index %d, skip %d, %d workers", type_name(type), d, bits,
                 index, skip, workers);
        float *y = guarded_alloc((size_t)ROWS * d * sizeof(float), where);
        vd_op op = {.kind = VD_OP_EMBED,
                    .as.embed = {.table = table,
                                 .y = y,
                                 .type = type,
                                 .V = V,
                                 .d = d,
                                 .index = index,
                                 .offset = OFFSET,
                                 .skip = skip}};
        run_ops(&op, 1, VD_ISA_SCALAR, workers, &b.view);
        same_floats("y", expected, y, (int64_t)ROWS * d);
    }
    guarded_free_all();
}

int main(void) {
    describe_faults();
    rng r = {9};
    for (int t = 0; t < WEIGHT_TYPES; t++) {
        for (int32_t i = 1; i <= 40; i++) {
            weight_bits bits = (weight_bits)(i % WEIGHT_BITS_COUNT);
            int32_t d = is_quantized(weight_types[t])
                            ? (int32_t)block_elements(weight_types[t]) * (1 + i % 5)
                            : i;
            embeds_rows_of_a_table(&r, weight_types[t], bits, d, (vd_embed_index)(i / 2 % 3), i % 3,
                                   (placement)(i % PLACEMENTS));
        }
    }
    return 0;
}

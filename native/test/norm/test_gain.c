// Norms in parts: a norm without gain followed by gain, also in place, equals the norm with gain,
// and a norm with given divisors equals that which computed them.
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"

enum { ROWS = 3, HEADS = 2 };

static float x[ROWS * HEADS * LONGEST], gain[HEADS * LONGEST], bias[HEADS * LONGEST];

static void equals_norm_with_gain(vd_isa isa, int32_t d, int32_t per_head, int biased, int in_place,
                                  int32_t workers, placement where) {
    describe("gain %s, d %d, per head %d, biased %d, in place %d, %d workers", vd_isa_name(isa), d,
             per_head, biased, in_place, workers);
    size_t row = (size_t)d * sizeof(float), bytes = ROWS * HEADS * row;
    size_t affine = per_head ? HEADS * row : row;
    vd_norm norm = {.x = guarded_copy(x, bytes, where),
                    .gain = guarded_copy(gain, affine, where),
                    .bias = biased ? guarded_copy(bias, affine, where) : NULL,
                    .y = guarded_alloc(bytes, where),
                    .kind = d % 2 ? VD_NORM_LAYER : VD_NORM_RMS,
                    .heads = HEADS,
                    .d = d,
                    .per_head = per_head,
                    .epsilon = 1e-5f};
    vd_op whole = {.kind = VD_OP_NORM, .as.norm = norm};
    run_rows(&whole, isa, workers, ROWS);
    vd_op bare = whole;
    bare.as.norm.gain = bare.as.norm.bias = NULL;
    bare.as.norm.y = guarded_alloc(bytes, where);
    run_rows(&bare, isa, workers, ROWS);
    float *y = bare.as.norm.y;
    vd_op op = {.kind = VD_OP_GAIN,
                .as.gain = {.x = y,
                            .gain = norm.gain,
                            .bias = norm.bias,
                            .y = in_place ? y : guarded_alloc(bytes, where),
                            .heads = HEADS,
                            .d = d,
                            .per_head = per_head}};
    run_rows(&op, isa, workers, ROWS);
    same_floats("y", norm.y, op.as.gain.y, (int64_t)ROWS * HEADS * d);
    guarded_free_all();
}

// Checks given divisors. A quarter of them makes all elements exactly four times as large.
static void uses_given_divisors(vd_isa isa, int32_t d, int32_t workers, placement where) {
    describe("norm with divisors %s, d %d, %d workers", vd_isa_name(isa), d, workers);
    size_t bytes = (size_t)ROWS * HEADS * (size_t)d * sizeof(float);
    float *scale = guarded_alloc(ROWS * HEADS * sizeof(float), where);
    vd_op own = {.kind = VD_OP_NORM,
                 .as.norm = {.x = guarded_copy(x, bytes, where),
                             .y = guarded_alloc(bytes, where),
                             .scale = scale,
                             .kind = d % 2 ? VD_NORM_LAYER : VD_NORM_RMS,
                             .heads = HEADS,
                             .d = d,
                             .epsilon = 1e-5f}};
    run_rows(&own, isa, workers, ROWS);
    vd_op given = own;
    given.as.norm.y = guarded_alloc(bytes, where);
    given.as.norm.divisor = scale;
    run_rows(&given, isa, workers, ROWS);
    same_floats("y", own.as.norm.y, given.as.norm.y, (int64_t)ROWS * HEADS * d);
    for (int i = 0; i < ROWS * HEADS; i++) {
        scale[i] /= 4;
    }
    given.as.norm.scale = NULL;
    run_rows(&given, isa, workers, ROWS);
    for (int64_t i = 0; i < (int64_t)ROWS * HEADS * d; i++) {
        CHECK(given.as.norm.y[i] == 4 * own.as.norm.y[i]);
    }
    guarded_free_all();
}

int main(void) {
    test_begin("gain");
    rng r = {51};
    for (int i = 0; i < LENGTHS; i++) {
        rng_fill(&r, (floats)(i % ZEROS), x, sizeof x / sizeof x[0]);
        rng_fill(&r, (floats)(i % ZEROS), gain, sizeof gain / sizeof gain[0]);
        rng_fill(&r, ORDINARY, bias, sizeof bias / sizeof bias[0]);
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            for (int which = 0; which < 8; which++) {
                equals_norm_with_gain(isa, length_at(i), which & 1, which & 2, which & 4,
                                      1 + which % 3, (placement)(i % PLACEMENTS));
            }
        }
        rng_fill(&r, ORDINARY, x, sizeof x / sizeof x[0]);
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            uses_given_divisors(isa, length_at(i), 1 + i % 3, (placement)(i % PLACEMENTS));
        }
    }
    return 0;
}

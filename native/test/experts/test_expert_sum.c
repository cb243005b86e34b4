// expert_sum: products and sums round separately, in the order of the slots.
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"

enum { ROWS = 5, K_MAX = 4 };

static float x[ROWS * K_MAX * LONGEST], weights[ROWS * K_MAX], expected[ROWS * LONGEST];

static void rounds_products_and_sums(int32_t k, int32_t d, int32_t workers, placement where) {
    describe("expert_sum, %d slots, d %d, %d workers", k, d, workers);
    for (int32_t i = 0; i < ROWS * d; i++) {
        int32_t row = i / d;
        expected[i] = 0;
        for (int32_t slot = 0; slot < k; slot++) {
            double factor = (double)weights[row * k + slot];
            float product = (float)(factor * (double)x[(row * k + slot) * d + i % d]);
            expected[i] = slot == 0 ? product : (float)((double)expected[i] + (double)product);
        }
    }
    vd_expert_sum sum = {.x = guarded_copy(x, (size_t)(ROWS * k * d) * 4, where),
                         .weights = guarded_copy(weights, (size_t)(ROWS * k) * 4, where),
                         .y = guarded_alloc((size_t)(ROWS * d) * 4, where),
                         .k = k,
                         .d = d};
    vd_op op = {.kind = VD_OP_EXPERT_SUM, .as.expert_sum = sum};
    run_rows(&op, VD_ISA_SCALAR, workers, ROWS);
    same_floats("y", expected, sum.y, ROWS * d);
    guarded_free_all();
}

int main(void) {
    describe_faults();
    rng r = {32};
    for (int i = 0; i < LENGTHS; i++) {
        int32_t k = 1 + i % K_MAX;
        rng_fill(&r, (floats)(i % FLOATS_COUNT), x, (int64_t)ROWS * k * length_at(i));
        rng_fill(&r, ORDINARY, weights, ROWS * k);
        for (int32_t workers = 1; workers <= 3; workers++) {
            rounds_products_and_sums(k, length_at(i), workers, (placement)(i % PLACEMENTS));
        }
    }
    return 0;
}

// scatter: each element equals a sum in ascending order of rows.
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"

enum { ROWS = 7 };

static float x[ROWS * LONGEST];

// Rows for logits in any order; one of them occurs twice.
static const int32_t chosen[] = {6, 0, 3, 3, 5};
enum { CHOSEN = sizeof chosen / sizeof chosen[0] };

static void begin_batch(batch *b, rng *r) {
    batch_begin(b, r, 1, 1);
    for (int32_t i = 0; i < ROWS; i++) {
        batch_add(b, 0, i, 0, 0);
    }
    memcpy(b->logit_rows, chosen, sizeof chosen);
    b->view.n_logits = CHOSEN;
}

static void sums_chosen_rows(rng *r, int32_t width, int32_t workers, placement where) {
    describe("scatter, width %d, %d workers", width, workers);
    batch b;
    begin_batch(&b, r);
    size_t row_bytes = (size_t)width * sizeof(float);
    vd_op op = {.kind = VD_OP_SCATTER,
                .as.scatter = {.x = guarded_copy(x, CHOSEN * row_bytes, where),
                               .y = guarded_alloc(ROWS * row_bytes, where),
                               .width = width}};
    run_ops(&op, 1, VD_ISA_SCALAR, workers, &b.view);
    for (int64_t row = 0; row < ROWS; row++) {
        for (int64_t k = 0; k < width; k++) {
            float sum = 0;
            for (int64_t i = 0; i < CHOSEN; i++) {
                sum = chosen[i] == row ? sum + x[i * width + k] : sum;
            }
            same_floats("y", &sum, op.as.scatter.y + row * width + k, 1);
        }
    }
    guarded_free_all();
}

int main(void) {
    describe_faults();
    rng r = {35};
    rng_fill(&r, SPECIAL, x, sizeof x / sizeof x[0]);
    for (int i = 0; i < LENGTHS; i++) {
        for (int32_t workers = 1; workers <= 3; workers++) {
            sums_chosen_rows(&r, length_at(i), workers, (placement)(i % PLACEMENTS));
        }
    }
    return 0;
}

// gather: copies rows bit for bit.
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"

enum { ROWS = 7 };

static float x[ROWS * LONGEST];

// Rows for logits are in any order; one of them occurs twice.
static void copies_rows(rng *r, int32_t width, int32_t workers, placement where) {
    describe("gather, width %d, %d workers", width, workers);
    static const int32_t rows[] = {6, 0, 3, 3, 5};
    enum { CHOSEN = sizeof rows / sizeof rows[0] };
    batch b;
    batch_begin(&b, r, 1, 1);
    for (int32_t i = 0; i < ROWS; i++) {
        batch_add(&b, 0, i, 0, 0);
    }
    memcpy(b.logit_rows, rows, sizeof rows);
    b.view.n_logits = CHOSEN;
    size_t row_bytes = (size_t)width * sizeof(float);
    vd_op op = {.kind = VD_OP_GATHER,
                .rows = VD_ROWS_LOGITS,
                .as.gather = {.x = guarded_copy(x, ROWS * row_bytes, where),
                              .y = guarded_alloc(CHOSEN * row_bytes, where),
                              .width = width}};
    run_ops(&op, 1, VD_ISA_SCALAR, workers, &b.view);
    for (int64_t i = 0; i < CHOSEN; i++) {
        same_bytes("row", x + (int64_t)rows[i] * width, op.as.gather.y + i * width,
                   (int64_t)row_bytes);
    }
    guarded_free_all();
}

int main(void) {
    describe_faults();
    rng r = {10};
    rng_fill(&r, SPECIAL, x, sizeof x / sizeof x[0]);
    for (int i = 0; i < LENGTHS; i++) {
        for (int32_t workers = 1; workers <= 3; workers++) {
            copies_rows(&r, length_at(i), workers, (placement)(i % PLACEMENTS));
        }
    }
    return 0;
}

// accumulate: sums in double in ascending order of rows, minima and maxima of each column, of
// selected sequences only, independent of the number of steps and workers.
#include <math.h>
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"

enum { ROWS = 8, SLOTS = 2, SEQUENCES = 4, KNOWN = 3 };

// Sequence and position of each token. Sequence 3 is beyond the operation's sequences, sequence 1
// has no valid slot in the first two cases, and in the second sequences 0 and 2 share a slot.
static const int32_t tokens[ROWS][2] = {{0, 3}, {2, 0}, {1, 0}, {0, 4},
                                        {3, 9}, {2, 1}, {0, 5}, {1, 7}};
static const int32_t slots[][KNOWN] = {{1, -1, 0}, {0, SLOTS, 0}, {INT32_MIN, 1, INT32_MAX}};

static float x[ROWS * LONGEST];
static double sums[SLOTS * 2 * LONGEST];
static float bounds[SLOTS * 2 * LONGEST];

// Computes the expected sums and bounds.
static void compute_expected(const int32_t *slot_of, const int32_t *rows, int32_t n,
                             int32_t width) {
    for (int32_t i = 0; i < SLOTS * 2 * width; i++) {
        sums[i] = 0;
        bounds[i] = i / width % 2 == 0 ? INFINITY : -INFINITY;
    }
    for (int32_t i = 0; i < n; i++) {
        int32_t sequence = tokens[rows[i]][0];
        int32_t slot = sequence < KNOWN ? slot_of[sequence] : -1;
        for (int32_t j = 0; slot >= 0 && slot < SLOTS && j < width; j++) {
            float value = x[i * width + j];
            int32_t at = 2 * slot * width + j;
            sums[at] += (double)value;
            sums[at + width] += (double)value * (double)value;
            bounds[at] = fminf(bounds[at], value);
            bounds[at + width] = fmaxf(bounds[at + width], value);
        }
    }
}

// Runs rows [begin, end) as one step.
static void run(rng *r, vd_op *op, int32_t begin, int32_t end, int32_t workers) {
    batch b;
    batch_begin(&b, r, SEQUENCES, 1);
    for (int32_t i = begin; i < end; i++) {
        batch_add(&b, tokens[i][0], tokens[i][1], 0, i % 2);
    }
    run_ops(op, 1, VD_ISA_SCALAR, workers, &b.view);
}

static void accumulates_sums_and_bounds(rng *r, const int32_t *slot_of, int32_t width,
                                        int32_t workers, vd_rows rows, placement where) {
    describe("accumulate, slots %td, width %d, %d workers, rows %d", slot_of - slots[0], width,
             workers, rows);
    static const int32_t all[] = {0, 1, 2, 3, 4, 5, 6, 7}, odd[] = {1, 3, 5, 7};
    int logits = rows == VD_ROWS_LOGITS;
    int32_t n = logits ? ROWS / 2 : ROWS;
    compute_expected(slot_of, logits ? odd : all, n, width);
    size_t elements = (size_t)SLOTS * 2 * (size_t)width;
    vd_op op = {.kind = VD_OP_ACCUMULATE,
                .rows = rows,
                .as.accumulate = {.sums = guarded_alloc(elements * sizeof(double), where),
                                  .bounds = guarded_alloc(elements * sizeof(float), where),
                                  .slots = guarded_copy(slot_of, KNOWN * sizeof *slot_of, where),
                                  .n_slots = SLOTS,
                                  .n_sequences = KNOWN,
                                  .width = width}};
    for (size_t i = 0; i < elements; i++) {
        op.as.accumulate.sums[i] = 0;
        op.as.accumulate.bounds[i] = i / (size_t)width % 2 == 0 ? INFINITY : -INFINITY;
    }
    // Two steps: the first takes the rows before `cut`.
    int32_t cut = (int32_t)rng_between(r, 1, ROWS / 2 - 1) * 2, before = logits ? cut / 2 : cut;
    size_t row = (size_t)width * sizeof(float);
    op.as.accumulate.x = guarded_copy(x, (size_t)before * row, where);
    run(r, &op, 0, cut, workers);
    op.as.accumulate.x = guarded_copy(x + before * width, (size_t)(n - before) * row, where);
    run(r, &op, cut, ROWS, workers);
    CHECK(memcmp(op.as.accumulate.sums, sums, elements * sizeof(double)) == 0);
    same_floats("bounds", bounds, op.as.accumulate.bounds, (int64_t)elements);
    guarded_free_all();
}

int main(void) {
    rng r = {81};
    for (int i = 0; i < LENGTHS; i++) {
        rng_fill(&r, ORDINARY, x, sizeof x / sizeof x[0]);
        for (size_t c = 0; c < sizeof slots / sizeof slots[0]; c++) {
            accumulates_sums_and_bounds(&r, slots[c], length_at(i), 1 + (int32_t)c, VD_ROWS_TOKENS,
                                        (placement)(i % PLACEMENTS));
            accumulates_sums_and_bounds(&r, slots[c], length_at(i), 4, VD_ROWS_LOGITS,
                                        (placement)(i % PLACEMENTS));
        }
    }
    return 0;
}

// tap: copies selected rows to their target rows and writes nothing else.
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"
#include "types/types.h"

enum { ROWS = 20, FEW_ROWS = 7, TARGET_ROWS = 9, SEQUENCES = 3 };

static const vd_type types[] = {VD_F32, VD_F16, VD_BF16};
enum { TYPES = sizeof types / sizeof types[0] };

// Sequence and position of each token.
static const int32_t tokens[ROWS][2] = {
    {0, 3}, {0, 4}, {1, 0}, {2, 9},  {0, 5},  {2, 10}, {1, 7},  {0, 6},  {0, 7},  {1, 8},
    {1, 9}, {0, 8}, {0, 9}, {2, 11}, {2, 12}, {1, 10}, {0, 10}, {0, 11}, {1, 11}, {1, 12},
};

static float x[ROWS * LONGEST];
static uint8_t expected[TARGET_ROWS * LONGEST * sizeof(float)];

// A window of positions and the bases of the sequences.
typedef struct window {
    int32_t positions[2];
    int64_t bases[SEQUENCES];
    int32_t n_sequences;
} window;

static const window windows[] = {
    {{0, 11}, {-1, 0, -1}, 3},  // one sequence with some rows outside
    {{4, 10}, {0, 4, 3}, 3},    // the middle of all sequences
    {{3, 6},
     {6, INT64_MAX, INT64_MIN},
     3},                      // up to the last row, and bases with sums that would overflow
    {{-5, 5}, {0, 0, 0}, 1},  // sequences 1 and 2 have no base
    {{INT32_MIN, INT32_MAX}, {0, 1, 2}, 3},  // all rows outside
    {{5, 5}, {0, 0, 0}, 3},                  // no position
};
enum { WINDOWS = sizeof windows / sizeof windows[0] };

// Returns the target row by definition, or -1.
static int64_t row_of(const window *w, int32_t sequence, int32_t position) {
    if (position < w->positions[0] || position >= w->positions[1] || sequence >= w->n_sequences) {
        return -1;
    }
    double row = (double)w->bases[sequence] + position - w->positions[0];
    return w->bases[sequence] >= 0 && row < (double)TARGET_ROWS ? (int64_t)row : -1;
}

// Writes an expected row.
static void expect_row(vd_type type, const float *from, int64_t first, int32_t width) {
    for (int32_t i = 0; i < width; i++) {
        if (type == VD_F32) {
            memcpy(expected + (first + i) * 4, from + i, 4);
        } else {
            uint16_t rounded =
                type == VD_F16 ? vd_float_to_half(from[i]) : vd_float_to_bfloat(from[i]);
            memcpy(expected + (first + i) * 2, &rounded, 2);
        }
    }
}

static void copies_selected_rows(rng *r, const window *w, vd_type type, int32_t width,
                                 int32_t workers, int32_t n_tokens, vd_rows rows, placement where) {
    describe("tap, window %td, type %d, width %d, %d workers, rows %d of %d tokens", w - windows,
             type, width, workers, rows, n_tokens);
    batch b;
    batch_begin(&b, r, SEQUENCES, 1);
    for (int32_t i = 0; i < n_tokens; i++) {
        batch_add(&b, tokens[i][0], tokens[i][1], 0, i % 2);
    }
    int64_t element = type == VD_F32 ? 4 : 2, bytes = TARGET_ROWS * width * element;
    int32_t n = rows == VD_ROWS_LOGITS ? b.view.n_logits : n_tokens;
    memset(expected, CANARY, (size_t)bytes);
    for (int32_t i = 0; i < n; i++) {
        const int32_t *token = tokens[rows == VD_ROWS_LOGITS ? b.logit_rows[i] : i];
        int64_t row = row_of(w, token[0], token[1]);
        if (row >= 0) {
            expect_row(type, x + (int64_t)i * width, row * width, width);
        }
    }
    vd_op op = {.kind = VD_OP_TAP,
                .rows = rows,
                .as.tap = {.x = guarded_copy(x, (size_t)n * width * sizeof(float), where),
                           .data = guarded_alloc((size_t)bytes, where),
                           .bases = w->bases,
                           .positions = w->positions,
                           .n_rows = TARGET_ROWS,
                           .n_sequences = w->n_sequences,
                           .type = type,
                           .width = width}};
    run_ops(&op, 1, VD_ISA_SCALAR, workers, &b.view);
    same_bytes("data", expected, op.as.tap.data, bytes);
    guarded_free_all();
}

int main(void) {
    describe_faults();
    rng r = {31};
    rng_fill(&r, SPECIAL, x, sizeof x / sizeof x[0]);
    for (int i = 0; i < LENGTHS; i++) {
        for (int which = 0; which < WINDOWS * TYPES; which++) {
            const window *w = &windows[which / TYPES];  // the first takes more rows
            for (int32_t workers = 1; workers <= 9; workers += 4) {
                copies_selected_rows(&r, w, types[which % TYPES], length_at(i), workers,
                                     w == windows ? ROWS : FEW_ROWS, (vd_rows)((i + which) % 2),
                                     (placement)(i % PLACEMENTS));
            }
        }
    }
    return 0;
}

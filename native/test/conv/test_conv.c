// conv, over blocks and over rings: every variant equals the scalar one, which is close to the
// definition in double; sequences divided into steps, alone or together, equal each in one step.
#include <math.h>
#include <string.h>

#include "core/plan_ops.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/tolerance.h"

enum { SEQUENCES = 3, POSITIONS = 70, L_MAX = 9, GAP = 64, BLOCKS = 2 * SEQUENCES };

// The division of sequences into steps: whole and alone, by token, or into pieces.
typedef enum division { ALONE, TOKENS, PIECES, DIVISIONS } division;

typedef struct conv_case {
    int32_t d;
    int32_t L;
    int32_t ring;  // 0: blocks
    int32_t workers;
    placement where;
} conv_case;

static float x[SEQUENCES][POSITIONS * LONGEST], kernel[L_MAX * LONGEST],
    expected[SEQUENCES][POSITIONS * LONGEST], actual[SEQUENCES][POSITIONS * LONGEST];

static int64_t stride_of(const conv_case *c) {
    int64_t rows = c->ring > 0 ? c->ring : VD_KV_BLOCK;
    return (rows * c->d * 4 + 63) / 64 * 64 + GAP;
}

// Chooses the next step: `after` receives the number of tokens of each sequence after it.
static void next_step(rng *r, division how, const int32_t *before, int32_t *after) {
    int alone = 1;
    for (int s = 0; s < SEQUENCES; s++) {
        int32_t left = POSITIONS - before[s];
        int32_t n = how == ALONE ? alone * left : how == TOKENS ? 1 : (int32_t)rng_below(r, 12);
        after[s] = before[s] + (n < left ? n : left);
        alone = alone && left == 0;
    }
}

// Returns the n rows of a step next to the guard page of memory for POSITIONS rows.
static float *step_rows(const conv_case *c, float *memory, int32_t n) {
    CHECK(n <= POSITIONS);
    return c->where == AT_END ? memory + (int64_t)(POSITIONS - n) * c->d : memory;
}

// Runs a step and copies its rows to y.
static void run_step(const conv_case *c, vd_isa isa, batch *b, const vd_op *all,
                     const int32_t *before, const int32_t *after,
                     float y[SEQUENCES][POSITIONS * LONGEST]) {
    size_t row = (size_t)c->d * sizeof(float);
    batch_clear(b);
    int32_t n = 0;
    for (int s = 0; s < SEQUENCES; s++) {
        n += after[s] - before[s];
    }
    vd_op op = *all;
    float *in = step_rows(c, (float *)all->as.conv.x, n);
    op.as.conv.x = in;
    op.as.conv.y = step_rows(c, all->as.conv.y, n);
    for (int s = 0; s < SEQUENCES; s++) {
        for (int32_t p = before[s]; p < after[s]; p++, in += c->d) {
            memcpy(in, x[s] + p * c->d, row);
            batch_add(b, s, p, 0, 0);
        }
    }
    run_ops(&op, 1, isa, c->workers, &b->view);
    const float *out = op.as.conv.y;
    for (int s = 0; s < SEQUENCES; s++) {
        for (int32_t p = before[s]; p < after[s]; p++, out += c->d) {
            memcpy(y[s] + p * c->d, out, row);
        }
    }
}

// Returns the number of blocks, or of slots.
static int64_t cache_parts(const conv_case *c) { return c->ring > 0 ? SEQUENCES : BLOCKS; }

// Checks that each row is cached where vd_conv specifies, and that no other bytes were written.
static void check_cache(const conv_case *c, const batch *b, const vd_conv *op) {
    char unwritten[GAP];
    memset(unwritten, 0xff, GAP);
    for (int64_t i = 0; i < cache_parts(c); i++) {
        const char *end = (const char *)op->rows + (i + 1) * op->stride;
        same_bytes("gap after a block", unwritten, end - GAP, GAP);
    }
    for (int s = 0; s < SEQUENCES; s++) {
        for (int32_t p = c->ring > 0 ? POSITIONS - c->ring : 0; p < POSITIONS; p++) {
            int64_t block = b->block_tables[s * b->view.max_blocks + p / VD_KV_BLOCK];
            int64_t part = c->ring > 0 ? b->slots[s] : block;
            int32_t row = p % (c->ring > 0 ? c->ring : VD_KV_BLOCK);
            const char *rows = (const char *)op->rows + part * op->stride;
            same_floats("row", x[s] + p * c->d, (const float *)rows + row * c->d, c->d);
        }
    }
}

// Runs all sequences with a cache of NaNs, which show if rows are read that were not stored.
static void run(const conv_case *c, vd_isa isa, division how, rng *r,
                float y[SEQUENCES][POSITIONS * LONGEST]) {
    batch b;
    batch_begin(&b, r, SEQUENCES, BLOCKS / SEQUENCES);
    size_t bytes = (size_t)(cache_parts(c) * stride_of(c));
    size_t row_bytes = sizeof(float) * (size_t)(POSITIONS * c->d);
    vd_op op = {
        .kind = VD_OP_CONV,
        .as.conv = {.x = guarded_alloc(row_bytes, c->where),
                    .y = guarded_alloc(row_bytes, c->where),
                    .kernel = guarded_copy(kernel, sizeof(float) * (size_t)(c->L * c->d), c->where),
                    .rows = memset(guarded_alloc(bytes, c->where), 0xff, bytes),
                    .stride = stride_of(c),
                    .d = c->d,
                    .L = c->L,
                    .ring = c->ring}};
    int32_t before[SEQUENCES] = {0}, after[SEQUENCES], left = SEQUENCES * POSITIONS;
    while (left > 0) {
        next_step(r, how, before, after);
        run_step(c, isa, &b, &op, before, after, y);
        for (int s = 0; s < SEQUENCES; s++) {
            left -= after[s] - before[s];
            before[s] = after[s];
        }
    }
    check_cache(c, &b, &op.as.conv);
    guarded_free_all();
}

static void check_definition(const conv_case *c) {
    for (int s = 0; s < SEQUENCES; s++) {
        for (int32_t i = 0; i < POSITIONS * c->d; i++) {
            int32_t p = i / c->d, k = i % c->d;
            double sum = 0, terms = 0;
            for (int32_t j = 0; j < c->L && j <= p; j++) {
                double term =
                    (double)kernel[(c->L - 1 - j) * c->d + k] * (double)x[s][(p - j) * c->d + k];
                sum += term;
                terms += fabs(term);
            }
            near("y", i, sum, roundings(c->L) * terms + underflows(c->L), expected[s][i]);
        }
    }
}

static void check_case(rng *r, int32_t d, floats kind) {
    conv_case c = {.d = d,
                   .L = (int32_t)rng_between(r, 1, L_MAX),
                   .workers = (int32_t)rng_between(r, 1, 4),
                   .where = (placement)rng_below(r, PLACEMENTS)};
    c.ring = rng_below(r, 2) ? (int32_t)rng_between(r, c.L, c.L + VD_SPAN) : 0;
    rng_fill(r, kind, kernel, c.L * d);
    for (int s = 0; s < SEQUENCES; s++) {
        rng_fill(r, kind, x[s], POSITIONS * d);
    }
    describe("conv scalar, d %d, L %d, ring %d, %s", d, c.L, c.ring, floats_name(kind));
    run(&c, VD_ISA_SCALAR, ALONE, r, expected);
    if (kind == ORDINARY || kind == WIDE || kind == TINY) {
        check_definition(&c);
    }
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        division how = (division)rng_below(r, DIVISIONS);
        describe("conv %s, d %d, L %d, ring %d, %d workers, division %d, %s", vd_isa_name(isa), d,
                 c.L, c.ring, c.workers, how, floats_name(kind));
        run(&c, isa, how, r, actual);
        for (int s = 0; s < SEQUENCES; s++) {
            same_floats("y", expected[s], actual[s], POSITIONS * d);
        }
    }
}

static void rejects_invalid_ops(void) {
    REJECTS(VD_OP_CONV, op.as.conv.x = NULL);
    REJECTS(VD_OP_CONV, op.as.conv.kernel = NULL);
    REJECTS(VD_OP_CONV, op.as.conv.y = NULL);
    REJECTS(VD_OP_CONV, op.as.conv.rows = NULL);
    REJECTS(VD_OP_CONV, op.as.conv.d = 0);
    REJECTS(VD_OP_CONV, op.as.conv.d = INT32_MAX);
    REJECTS(VD_OP_CONV, op.as.conv.L = 0);
    REJECTS(VD_OP_CONV, op.as.conv.stride = 4032);
    REJECTS(VD_OP_CONV, op.as.conv.stride = 4097);
    REJECTS(VD_OP_CONV, op.as.conv.ring = 2);
    REJECTS(VD_OP_CONV, op.as.conv.ring = op.as.conv.d = INT32_MAX);  // more than 2^63 bytes
    REJECTS(VD_OP_CONV, op.as.conv.ring = -1);
    REJECTS(VD_OP_CONV, op.rows = VD_ROWS_LOGITS);
}

int main(void) {
    test_begin("conv");
    rejects_invalid_ops();
    rng r = {51};
    for (int i = 0; i < LENGTHS; i += sweep_step()) {
        for (floats kind = 0; kind < FLOATS_COUNT; kind++) {
            check_case(&r, length_at(i), kind);
        }
    }
    return 0;
}

// vd_plan_run rejects invalid batches and arguments, and then runs no operation.
#include <stdint.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/plans.h"
#include "support/rng.h"

static const vd_limits limits = {.tokens = 4,
                                 .logits = 3,
                                 .positions = 200,
                                 .vocabulary = 10,
                                 .blocks = 7,
                                 .slots = 2,
                                 .types = 2};

enum { WIDTH = 5 };

typedef struct fixture {
    batch b;
    vd_plan *plan;
    float *y;
} fixture;

// Creates a batch of positions 63 and 64 of sequence 0 and 130 of sequence 1, with logits of the
// first and the last row.
static void begin(fixture *f) {
    rng r = {13};
    batch_begin(&f->b, &r, 2, 3);
    batch_add(&f->b, 0, 63, 0, 1);
    batch_add(&f->b, 0, 64, 9, 0);
    batch_add(&f->b, 1, 130, 3, 1);
    static const float x[4 * WIDTH];
    f->y = guarded_alloc(sizeof x, AT_END);
    vd_op ops[2] = {{.kind = VD_OP_SCALE, .as.scale = {.x = x, .y = f->y, .width = WIDTH}}};
    ops[1] = ops[0];
    CHECK(vd_plan_create(ops, 2, &limits, VD_ISA_SCALAR, &f->plan, NULL) == VD_OK);
}

static void end(fixture *f) {
    vd_plan_free(f->plan);
    guarded_free_all();
}

static void expect(fixture *f, vd_status status) {
    CHECK(vd_plan_run(f->plan, pool_of(2), &f->b.view, 0, 2) == status);
    if (status != VD_OK) {
        untouched("y", f->y, 4 * WIDTH * (int64_t)sizeof(float));
    }
}

// Changes a valid batch and requires this status.
#define RUN(status, change)                   \
    do {                                      \
        fixture f;                            \
        begin(&f);                            \
        batch *b = &f.b;                      \
        (void)b;                              \
        change;                               \
        describe("a batch with %s", #change); \
        expect(&f, status);                   \
        end(&f);                              \
    } while (0)

static void rejects_values_out_of_range(void) {
    RUN(VD_OK, (void)0);
    RUN(VD_OUT_OF_RANGE, b->tokens[1] = 10);
    RUN(VD_OUT_OF_RANGE, b->tokens[2] = -1);
    RUN(VD_OUT_OF_RANGE, b->tokens[0] = INT32_MAX);
    RUN(VD_OUT_OF_RANGE, b->positions[2] = -1);
    RUN(VD_OUT_OF_RANGE, b->positions[2] = 200);
    RUN(VD_OUT_OF_RANGE, b->positions[2] = INT32_MAX);
    RUN(VD_OK, b->positions[2] = 191);
    RUN(VD_OUT_OF_RANGE, b->positions[2] = 192);  // within the limits, but beyond the block table
    RUN(VD_OUT_OF_RANGE, b->positions[1] = 63);
    RUN(VD_OUT_OF_RANGE, b->positions[1] = 62);
    RUN(VD_OUT_OF_RANGE, b->sequences[2] = 2);
    RUN(VD_OUT_OF_RANGE, b->sequences[0] = -1);
    RUN(VD_OUT_OF_RANGE, b->block_tables[0] = 7);
    RUN(VD_OUT_OF_RANGE, b->block_tables[1] = -1);
    RUN(VD_OUT_OF_RANGE, b->block_tables[5] = INT32_MAX);
    RUN(VD_OK, b->block_tables[2] = -1);  // sequence 0 does not reach it
    RUN(VD_OUT_OF_RANGE, b->slots[0] = 2);
    RUN(VD_OUT_OF_RANGE, b->slots[1] = -1);
    RUN(VD_OUT_OF_RANGE, b->logit_rows[0] = -1);
    RUN(VD_OUT_OF_RANGE, b->logit_rows[1] = 3);
    RUN(VD_OK, b->logit_rows[0] = 2);  // equal to the other row
}

// Positions of a sequence must ascend, even with rows of other sequences between them.
static void rejects_descending_positions(void) {
    RUN(VD_OK, batch_add(b, 0, 65, 0, 0));
    RUN(VD_OUT_OF_RANGE, batch_add(b, 0, 64, 0, 0));
    RUN(VD_OUT_OF_RANGE, batch_add(b, 0, 0, 0, 0));
    RUN(VD_OUT_OF_RANGE, (b->block_tables[2] = 7, batch_add(b, 0, 128, 0, 0)));
}

static void rejects_invalid_sizes(void) {
    RUN(VD_OUT_OF_RANGE, b->view.n_tokens = -1);
    RUN(VD_OUT_OF_RANGE, b->view.n_tokens = 5);
    RUN(VD_OUT_OF_RANGE, b->view.n_logits = -1);
    RUN(VD_OUT_OF_RANGE, b->view.n_logits = 4);
    RUN(VD_OUT_OF_RANGE, b->view.n_sequences = -1);
    RUN(VD_OUT_OF_RANGE, b->view.n_sequences = 1);
    RUN(VD_OUT_OF_RANGE, b->view.max_blocks = -1);
    RUN(VD_OUT_OF_RANGE, b->view.max_blocks = 0);
    RUN(VD_OUT_OF_RANGE, b->types[1] = -1);
    RUN(VD_OUT_OF_RANGE, b->types[2] = 2);
    RUN(VD_OK, b->view.types = NULL);
    RUN(VD_INVALID_ARGUMENT, b->view.tokens = NULL);
    RUN(VD_INVALID_ARGUMENT, b->view.slots = NULL);
    RUN(VD_INVALID_ARGUMENT, b->view.positions = NULL);
    RUN(VD_INVALID_ARGUMENT, b->view.sequences = NULL);
    RUN(VD_INVALID_ARGUMENT, b->view.block_tables = NULL);
    RUN(VD_INVALID_ARGUMENT, b->view.logit_rows = NULL);
    RUN(VD_OK, (b->view.logit_rows = NULL, b->view.n_logits = 0));
    RUN(VD_OK, batch_clear(b));
}

// The operation with the fewest positions, 5, limits those of tokens.
static void rejects_positions_beyond_scores(void) {
    describe("positions of scores");
    rng r = {14};
    batch b;
    batch_begin(&b, &r, 1, 1);
    static float memory[2 * VD_KV_BLOCK];
    static const float zeros[2 * VD_KV_BLOCK];
    vd_kv_cache cache = {.keys = (void *)zeros,
                         .values = (void *)zeros,
                         .stride = 256,
                         .H_kv = 1,
                         .group_heads = 1,
                         .d_h = 1,
                         .d_v = 1};
    vd_op ops[2] = {
        {.kind = VD_OP_SCORES,
         .as.scores = {.q = zeros, .cache = cache, .y = memory, .H = 1, .P = 6, .scale = 1}},
        {.kind = VD_OP_ATTENTION_VALUES,
         .as.attention_values = {.pattern = zeros,
                                 .softmax = zeros,
                                 .attention = zeros,
                                 .cache = cache,
                                 .z = memory,
                                 .H = 1,
                                 .P = 5}}};
    vd_plan *plan;
    CHECK(vd_plan_create(ops, 2, &limits, VD_ISA_SCALAR, &plan, NULL) == VD_OK);
    batch_add(&b, 0, 4, 0, 0);
    CHECK(vd_plan_run(plan, pool_of(1), &b.view, 0, 1) == VD_OK);
    batch_add(&b, 0, 5, 0, 0);
    CHECK(vd_plan_run(plan, pool_of(1), &b.view, 0, 1) == VD_OUT_OF_RANGE);
    vd_plan_free(plan);
}

static void rejects_invalid_arguments(void) {
    describe("vd_plan_run, arguments");
    fixture f;
    begin(&f);
    vd_pool *pool = pool_of(1);
    const vd_batch *b = &f.b.view;
    CHECK(vd_plan_run(NULL, pool, b, 0, 2) == VD_INVALID_ARGUMENT);
    CHECK(vd_plan_run(f.plan, NULL, b, 0, 2) == VD_INVALID_ARGUMENT);
    CHECK(vd_plan_run(f.plan, pool, NULL, 0, 2) == VD_INVALID_ARGUMENT);
    CHECK(vd_plan_run(f.plan, pool, b, -1, 2) == VD_INVALID_ARGUMENT);
    CHECK(vd_plan_run(f.plan, pool, b, 0, 3) == VD_INVALID_ARGUMENT);
    CHECK(vd_plan_run(f.plan, pool, b, 2, 1) == VD_INVALID_ARGUMENT);
    for (int32_t i = 0; i <= 2; i++) {
        CHECK(vd_plan_run(f.plan, pool, b, i, i) == VD_OK);
    }
    untouched("y", f.y, 4 * WIDTH * (int64_t)sizeof(float));
    end(&f);
}

int main(void) {
    describe_faults();
    rejects_values_out_of_range();
    rejects_descending_positions();
    rejects_invalid_sizes();
    rejects_positions_beyond_scores();
    rejects_invalid_arguments();
    return 0;
}

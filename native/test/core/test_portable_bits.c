// Portable bits (docs/numerics.md) of a whole plan: the logits of a token depend on the tokens
// before it, but not on the instruction set, the number of workers, chunks, the rest of the batch,
// or interruptions of a run.
#include <math.h>
#include <string.h>

#include "os/thread.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/isas.h"
#include "support/plans.h"
#include "support/transformer.h"

enum { SEQUENCES = MODEL_SEQUENCES, BLOCKS = MODEL_BLOCKS / SEQUENCES, ALL = MODEL_TOKENS };

static const int32_t lengths[SEQUENCES] = {130, 33, 1, 20, 5};

typedef struct setting {
    vd_isa isa;
    int32_t workers;
    int32_t nodes;
    int32_t chunk;     // tokens per sequence and step
    int32_t together;  // 1: all sequences in one batch
} setting;

typedef struct outputs {
    float logits[MODEL_V];
    float taps[MODEL_TAPS][MODEL_D];
} outputs;

static transformer model;
static batch tables;  // the sequences' blocks
static int32_t tokens[SEQUENCES][MODEL_POSITIONS];
static outputs expected[SEQUENCES][MODEL_POSITIONS];
static outputs actual[SEQUENCES][MODEL_POSITIONS];

static vd_plan *plan_for(vd_isa isa) {
    vd_plan *plan;
    int32_t bad_op;
    vd_status status = vd_plan_create(model.ops, model.n_ops, &model.limits, isa, &plan, &bad_op);
    if (status != VD_OK) {
        fail("vd_plan_create: %s, op %d", vd_status_name(status), bad_op);
    }
    return plan;
}

static void collect(const batch *b, outputs results[SEQUENCES][MODEL_POSITIONS]) {
    for (int32_t row = 0; row < b->view.n_tokens; row++) {
        outputs *o = &results[b->sequences[row]][b->positions[row]];
        memcpy(o->logits, model.logits + (int64_t)row * MODEL_V, sizeof o->logits);
        int64_t at = b->sequences[row] * MODEL_POSITIONS + b->positions[row];
        for (int which = 0; which < MODEL_TAPS; which++) {
            memcpy(o->taps[which], model.taps[which] + at * MODEL_D, sizeof o->taps[which]);
        }
    }
}

// Runs the sequences [first, last), a chunk of each per step.
static void run_sequences(vd_plan *plan, const setting *s, int32_t first, int32_t last,
                          outputs results[SEQUENCES][MODEL_POSITIONS]) {
    for (int32_t start = 0; start < MODEL_POSITIONS; start += s->chunk) {
        batch_clear(&tables);
        for (int32_t sequence = first; sequence < last; sequence++) {
            for (int32_t p = start; p < start + s->chunk && p < lengths[sequence]; p++) {
                batch_add(&tables, sequence, p, tokens[sequence][p], 1);
            }
        }
        if (tables.view.n_tokens > 0) {
            CHECK(vd_plan_run(plan, pool_on_nodes(s->workers, s->nodes), &tables.view, 0,
                              model.n_ops) == VD_OK);
            collect(&tables, results);
        }
    }
}

static void run(const setting *s, outputs results[SEQUENCES][MODEL_POSITIONS]) {
    describe("transformer %s, %d workers on %d nodes, chunks of %d, %s", vd_isa_name(s->isa),
             s->workers, s->nodes, s->chunk, s->together ? "together" : "alone");
    transformer_clear_caches(&model);
    vd_plan *plan = plan_for(s->isa);
    if (s->together) {
        run_sequences(plan, s, 0, SEQUENCES, results);
    } else {
        for (int32_t i = 0; i < SEQUENCES; i++) {
            run_sequences(plan, s, i, i + 1, results);
        }
    }
    vd_plan_free(plan);
}

static void compare(void) {
    for (int32_t s = 0; s < SEQUENCES; s++) {
        for (int32_t p = 0; p < lengths[s]; p++) {
            same_floats("logits", expected[s][p].logits, actual[s][p].logits, MODEL_V);
            same_floats("taps", expected[s][p].taps[0], actual[s][p].taps[0], MODEL_TAPS * MODEL_D);
        }
    }
}

// Checks that the random model has finite logits that depend on the tokens.
static void logits_vary(void) {
    describe("logits of the scalar plan");
    for (int32_t s = 0; s < SEQUENCES; s++) {
        for (int32_t p = 0; p < lengths[s]; p++) {
            const float *logits = expected[s][p].logits;
            for (int32_t i = 0; i < MODEL_V; i++) {
                CHECK(isfinite(logits[i]));
            }
            CHECK(p == 0 ||
                  memcmp(logits, expected[s][p - 1].logits, sizeof expected[s][p].logits) != 0);
        }
    }
}

static void bits_do_not_depend_on_settings(void) {
    static const int32_t workers[] = {1, 2, 3, 5};
    static const int32_t nodes[] = {1, 1, 1, 2};
    static const int32_t chunks[] = {1, 7, ALL};
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        for (size_t w = 0; w < sizeof workers / sizeof workers[0]; w++) {
            for (size_t c = 0; c < sizeof chunks / sizeof chunks[0]; c++) {
                for (int32_t together = 0; together <= 1; together++) {
                    setting s = {isa, workers[w], nodes[w], chunks[c], together};
                    size_t step = isa_is_emulated(isa) || instrumented() ? 6
                                  : short_sweeps()                       ? 3
                                                                         : 1;
                    if ((w + c + (size_t)together + (size_t)isa) % step != 0) {
                        continue;
                    }
                    run(&s, actual);
                    compare();
                }
            }
        }
    }
}

// Checks, for every k, that running [0,k) and then [k,end) equals running [0,end).
static void bits_do_not_depend_on_interruptions(void) {
    vd_isa isa = VD_ISA_COUNT - 1;
    while (!isa_runs(isa) || isa_is_emulated(isa)) {
        isa--;
    }
    setting s = {isa, 2, 1, ALL, 1};
    vd_plan *plan = plan_for(isa);
    for (int32_t k = 0; k <= model.n_ops; k++) {
        describe("transformer %s, interrupted before operation %d", vd_isa_name(isa), k);
        transformer_clear_caches(&model);
        batch_clear(&tables);
        for (int32_t i = 0; i < SEQUENCES; i++) {
            for (int32_t p = 0; p < lengths[i]; p++) {
                batch_add(&tables, i, p, tokens[i][p], 1);
            }
        }
        CHECK(vd_plan_run(plan, pool_of(s.workers), &tables.view, 0, k) == VD_OK);
        CHECK(vd_plan_run(plan, pool_of(s.workers), &tables.view, k, model.n_ops) == VD_OK);
        collect(&tables, actual);
        compare();
    }
    vd_plan_free(plan);
}

// ---- two callers of one pool ------------------------------------------------------------------

enum { CALLER_ROWS = 9, CALLER_WIDTH = 40, CALLER_OPS = 20 };

typedef struct caller {
    batch b;
    float first;
    float x[CALLER_ROWS * CALLER_WIDTH];
} caller;

static vd_pool *shared;

// Doubles x repeatedly, each time on all workers.
static void call(void *argument) {
    caller *c = argument;
    vd_op ops[CALLER_OPS];
    for (int i = 0; i < CALLER_OPS; i++) {
        ops[i] = (vd_op){.kind = VD_OP_ADD,
                         .barrier = 1,
                         .as.add = {.a = c->x, .b = c->x, .y = c->x, .width = CALLER_WIDTH}};
    }
    vd_limits limits = {CALLER_ROWS, 1, CALLER_ROWS, 1, 1, 0, 1};
    vd_plan *plan;
    CHECK(vd_plan_create(ops, CALLER_OPS, &limits, VD_ISA_SCALAR, &plan, NULL) == VD_OK);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < CALLER_ROWS * CALLER_WIDTH; i++) {
            c->x[i] = c->first + (float)i;
        }
        CHECK(vd_plan_run(plan, shared, &c->b.view, 0, CALLER_OPS) == VD_OK);
        for (int i = 0; i < CALLER_ROWS * CALLER_WIDTH; i++) {
            CHECK(c->x[i] == ldexpf(c->first + (float)i, CALLER_OPS));
        }
    }
    vd_plan_free(plan);
}

static void serves_two_callers_of_a_pool(rng *r) {
    describe("two threads run plans on one pool");
    static caller callers[2];
    shared = pool_of(3);
    vd_thread threads[2];
    for (int i = 0; i < 2; i++) {
        batch_begin(&callers[i].b, r, 1, 1);
        for (int32_t row = 0; row < CALLER_ROWS; row++) {
            batch_add(&callers[i].b, 0, row, 0, 0);
        }
        callers[i].first = (float)(i * 1000);
        threads[i] = (vd_thread){.function = call, .argument = &callers[i]};
        CHECK(vd_thread_start(&threads[i]));
    }
    for (int i = 0; i < 2; i++) {
        vd_thread_join(&threads[i]);
    }
}

int main(void) {
    test_begin("portable_bits");
    rng r = {14};
    transformer_create(&model, &r);
    batch_begin(&tables, &r, SEQUENCES, BLOCKS);
    for (int32_t s = 0; s < SEQUENCES; s++) {
        for (int32_t p = 0; p < lengths[s]; p++) {
            tokens[s][p] = (int32_t)rng_below(&r, MODEL_V);
        }
    }
    setting plain = {VD_ISA_SCALAR, 1, 1, ALL, 0};
    run(&plain, expected);
    logits_vary();
    bits_do_not_depend_on_settings();
    bits_do_not_depend_on_interruptions();
    serves_two_callers_of_a_pool(&r);
    transformer_free(&model);
    return 0;
}

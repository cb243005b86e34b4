#include "support/plans.h"

#include <stdlib.h>
#include <string.h>

#include "core/pool.h"
#include "support/check.h"
#include "support/machines.h"

enum { POOLS = 16, NODES = 4 };

void batch_clear(batch *b) { b->view.n_tokens = b->view.n_logits = 0; }

// Fills `numbers` with 0 to n - 1 in random order.
static void shuffle(rng *r, int32_t *numbers, int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        int32_t j = (int32_t)rng_below(r, i + 1);
        numbers[i] = numbers[j];
        numbers[j] = i;
    }
}

void batch_begin(batch *b, rng *r, int32_t n_sequences, int32_t max_blocks) {
    CHECK(n_sequences <= SEQUENCES_MAX && max_blocks <= BLOCKS_MAX);
    *b = (batch){0};
    b->view = (vd_batch){.n_sequences = n_sequences,
                         .max_blocks = max_blocks,
                         .tokens = b->tokens,
                         .positions = b->positions,
                         .sequences = b->sequences,
                         .block_tables = b->block_tables,
                         .logit_rows = b->logit_rows,
                         .slots = b->slots,
                         .types = b->types};
    shuffle(r, b->block_tables, n_sequences * max_blocks);
    shuffle(r, b->slots, n_sequences);
}

void batch_add(batch *b, int32_t sequence, int32_t position, int32_t token, int wants_logits) {
    int32_t row = b->view.n_tokens++;
    CHECK(row < TOKENS_MAX);
    b->tokens[row] = token;
    b->positions[row] = position;
    b->types[row] = 0;
    b->sequences[row] = sequence;
    if (wants_logits) {
        b->logit_rows[b->view.n_logits++] = row;
    }
}

static vd_pool *pools[NODES + 1][POOLS + 1];

static void free_pools(void) {
    for (int nodes = 1; nodes <= NODES; nodes++) {
        for (int workers = 0; workers <= POOLS; workers++) {
            vd_pool_free(pools[nodes][workers]);
        }
    }
}

static vd_pool **find_pool(int32_t workers, int32_t nodes) {
    static int registered;
    CHECK(workers >= 1 && workers <= POOLS && nodes >= 1 && nodes <= NODES);
    if (!registered) {
        CHECK(atexit(free_pools) == 0);
        registered = 1;
    }
    return &pools[nodes][workers];
}

vd_pool *pool_of(int32_t workers) {
    static vd_topology machine;
    vd_pool **pool = find_pool(workers, 1);
    if (*pool == NULL && workers > 1 && workers % 2 == 1) {
        machine_create_mixed(&machine, workers - workers / 2, workers / 2, 1024 / 3);
        machine.quota = 1;  // so that workers do not spin: this machine may have fewer processors
        CHECK(vd_pool_create_on(&machine, workers, pool) == VD_OK);
    } else if (*pool == NULL) {
        CHECK(vd_pool_create(workers, pool) == VD_OK);
    }
    return *pool;
}

vd_pool *pool_on_nodes(int32_t workers, int32_t nodes) {
    static vd_topology machine;
    if (nodes == 1) {
        return pool_of(workers);
    }
    vd_pool **pool = find_pool(workers, nodes);
    if (*pool == NULL) {
        machine_create(&machine, nodes, 1, (workers + nodes - 1) / nodes, 0);
        machine.quota = 1;  // so that workers do not spin: this machine has fewer processors
        CHECK(vd_pool_create_on(&machine, workers, pool) == VD_OK);
    }
    return *pool;
}

static int32_t beyond(int32_t end, int32_t value) { return value >= end ? value + 1 : end; }

static vd_limits limits_of(const vd_batch *b) {
    vd_limits limits = {.tokens = 1,
                        .logits = 1,
                        .positions = 1,
                        .vocabulary = 1,
                        .blocks = 1,
                        .slots = b->n_sequences,
                        .types = 1};
    for (int32_t i = 0; i < b->n_tokens; i++) {
        limits.positions = beyond(limits.positions, b->positions[i]);
        limits.vocabulary = beyond(limits.vocabulary, b->tokens[i]);
        limits.types = beyond(limits.types, b->types == NULL ? 0 : b->types[i]);
    }
    for (int32_t i = 0; i < b->n_sequences * b->max_blocks; i++) {
        limits.blocks = beyond(limits.blocks, b->block_tables[i]);
    }
    limits.tokens = beyond(limits.tokens, b->n_tokens - 1);
    limits.logits = beyond(limits.logits, b->n_logits - 1);
    return limits;
}

void run_ops(const vd_op *ops, int32_t n_ops, vd_isa isa, int32_t workers, const vd_batch *b) {
    run_ops_on(pool_of(workers), ops, n_ops, isa, b);
}

void run_ops_on(vd_pool *pool, const vd_op *ops, int32_t n_ops, vd_isa isa, const vd_batch *b) {
    vd_limits limits = limits_of(b);
    vd_plan *plan;
    int32_t bad_op;
    vd_status status = vd_plan_create(ops, n_ops, &limits, isa, &plan, &bad_op);
    if (status != VD_OK) {
        fail("vd_plan_create: %s, op %d", vd_status_name(status), bad_op);
    }
    status = vd_plan_run(plan, pool, b, 0, n_ops);
    if (status != VD_OK) {
        fail("vd_plan_run: %s", vd_status_name(status));
    }
    vd_plan_free(plan);
}

void run_rows(const vd_op *op, vd_isa isa, int32_t workers, int32_t rows) {
    batch b;
    rng r = {0};
    batch_begin(&b, &r, 1, BLOCKS_MAX);
    for (int32_t i = 0; i < rows; i++) {
        batch_add(&b, 0, i, 0, 1);
    }
    run_ops(op, 1, isa, workers, &b.view);
}

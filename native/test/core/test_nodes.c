// The division of work among NUMA nodes: workers first compute what their node holds, and then what
// is left of other nodes. Most tests run only the workers of one of four nodes.
#include <math.h>

#include "core/op_impl.h"
#include "core/pool.h"
#include "support/cache.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/machines.h"
#include "support/plans.h"
#include "support/rng.h"

enum {
    WORKERS = 8,
    NODES = 4,
    LINE = 16,
    HEADS = 8,
    D_H = 4,
    ROWS = 20,
    BLOCKS = 10,
    N = 100,
    K = 8,
};

// An operation that the workers of one node run.
typedef struct node_run {
    const vd_op *op;
    const vd_batch *batch;
    int32_t node;
    vd_split split;
    atomic_uint next[NODES * LINE];
} node_run;

static void run_if_on_node(void *argument, const vd_worker *worker) {
    node_run *run = argument;
    if (vd_slice_of(vd_pool_slices(worker->pool), worker->index) == run->node) {
        vd_step step = {.batch = run->batch,
                        .worker = worker,
                        .isa = VD_ISA_SCALAR,
                        .rows = run->batch->n_tokens,
                        .next = run->next,
                        .next_stride = LINE,
                        .split = &run->split};
        vd_op_impls[run->op->kind].run(run->op, &step);
    }
}

enum { ALL = -1 };

// Runs an operation on the workers of a node. Tiles of one counter are left, or all.
static void run_node(const vd_op *op, const vd_batch *b, int32_t node, int32_t left,
                     vd_split split) {
    static node_run run;
    run.op = op;
    run.batch = b;
    run.node = node;
    run.split = split;
    for (int32_t i = 0; i < NODES; i++) {
        atomic_store(&run.next[(ptrdiff_t)i * LINE], i == left || left == ALL ? 0 : 1 << 20);
    }
    CHECK(vd_pool_run(pool_on_nodes(WORKERS, NODES), run_if_on_node, &run) == VD_OK);
}

static void fill_batch(batch *b, rng *r, int32_t rows, int32_t position) {
    batch_begin(b, r, 1, BLOCKS);
    for (int32_t i = 0; i < rows; i++) {
        batch_add(b, 0, position + i, 0, 0);
    }
}

// Requires that exactly columns [begin, end) of rows of NaNs were computed.
static void check_columns(const float *y, int32_t rows, int64_t width, int64_t begin, int64_t end) {
    for (int64_t i = 0; i < rows * width; i++) {
        int64_t column = i % width;
        CHECK(isnan(y[i]) == !(begin <= column && column < end));
    }
}

static void fill_with_nans(float *y, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        y[i] = NAN;
    }
}

// Tiles of prompts are those of the node's slice of the outputs: of 25 groups of 4, which kernels
// compute together, 6, 6, 6 and 7.
static void products_begin_with_the_slice(rng *r) {
    static const int32_t begins[NODES + 1] = {0, 24, 48, 72, N};
    static float x[ROWS * K], weights[N * K], y[ROWS * N];
    rng_fill(r, ORDINARY, x, ROWS * K);
    rng_fill(r, ORDINARY, weights, N * K);
    batch b;
    fill_batch(&b, r, ROWS, 0);
    vd_op op = {.kind = VD_OP_MATMUL,
                .as.matmul = {.weights = weights, .x = x, .y = y, .type = VD_F32, .N = N, .K = K}};
    for (int32_t node = 0; node < NODES; node++) {
        describe("product, node %d", node);
        fill_with_nans(y, ROWS * N);
        run_node(&op, &b.view, node, node, (vd_split){0});
        check_columns(y, ROWS, N, begins[node], begins[node + 1]);
        run_node(&op, &b.view, node, ALL, (vd_split){0});
        check_columns(y, ROWS, N, 0, N);
    }
}

// Each node has a slice of the outputs of each expert.
static void experts_begin_with_the_slice(rng *r) {
    enum { EXPERTS = 5, SLOTS = 2 };
    static const int32_t begins[NODES + 1] = {0, 25, 50, 75, N};
    static float x[ROWS * K], weights[EXPERTS * N * K], experts[ROWS * SLOTS];
    static float y[ROWS * SLOTS * N];
    const void *matrices[EXPERTS];
    rng_fill(r, ORDINARY, x, ROWS * K);
    rng_fill(r, ORDINARY, weights, EXPERTS * N * K);
    for (int32_t e = 0; e < EXPERTS; e++) {
        matrices[e] = weights + (ptrdiff_t)e * N * K;
    }
    for (int32_t i = 0; i < ROWS * SLOTS; i++) {
        experts[i] = (float)rng_below(r, EXPERTS);
    }
    batch b;
    fill_batch(&b, r, ROWS, 0);
    vd_op op = {.kind = VD_OP_EXPERT_MATMUL,
                .as.expert_matmul = {.matrices = matrices,
                                     .experts = experts,
                                     .x = x,
                                     .y = y,
                                     .type = VD_F32,
                                     .E = EXPERTS,
                                     .k = SLOTS,
                                     .N = N,
                                     .K = K,
                                     .shared = 1}};
    for (int32_t node = 0; node < NODES; node++) {
        describe("products of experts, node %d", node);
        fill_with_nans(y, ROWS * SLOTS * N);
        run_node(&op, &b.view, node, node, (vd_split){0});
        check_columns(y, ROWS * SLOTS, N, begins[node], begins[node + 1]);
        run_node(&op, &b.view, node, ALL, (vd_split){0});
        check_columns(y, ROWS * SLOTS, N, 0, N);
    }
}

// A cache of 8 heads in `groups` groups.
static vd_kv_cache cache_of_groups(int32_t groups) {
    static _Alignas(64) float keys[BLOCKS * VD_KV_BLOCK * HEADS * D_H];
    static _Alignas(64) float values[BLOCKS * VD_KV_BLOCK * HEADS * D_H];
    int64_t stride = VD_KV_BLOCK * D_H * (HEADS / groups) * (int64_t)sizeof(float);
    fill_with_nans(keys, BLOCKS * VD_KV_BLOCK * HEADS * D_H);
    return (vd_kv_cache){.keys = keys,
                         .values = values,
                         .stride = stride,
                         .group_stride = BLOCKS * stride,
                         .type = VD_F32,
                         .H_kv = HEADS,
                         .group_heads = HEADS / groups,
                         .d_h = D_H,
                         .d_v = D_H};
}

// The heads of a node: those of its group, which may have several nodes.
static vd_range heads_of(int32_t node, int32_t groups) {
    int32_t group = node / (NODES / groups);
    return (vd_range){group * (HEADS / groups), (group + 1) * (HEADS / groups)};
}

static void attention_begins_with_the_heads_of_the_node(rng *r, int32_t rows, int32_t position,
                                                        int32_t groups) {
    static float q[ROWS * HEADS * D_H], z[ROWS * HEADS * D_H];
    rng_fill(r, ORDINARY, q, ROWS * HEADS * D_H);
    batch b;
    fill_batch(&b, r, rows, position);
    vd_op op = {
        .kind = VD_OP_ATTENTION,
        .as.attention = {.q = q, .cache = cache_of_groups(groups), .z = z, .H = HEADS, .scale = 1}};
    cache_fill(&op.as.attention.cache, b.block_tables, position + rows, r, ORDINARY);
    vd_limits limits = {.tokens = rows, .positions = position + rows};
    vd_split split = vd_attention_split(&op, &limits);
    static float parts[HEADS * BLOCKS * 32];
    static atomic_uint done[HEADS];
    CHECK(split.floats <= HEADS * BLOCKS * 32 && split.tiles <= HEADS);
    split.parts = parts;
    split.done = done;
    for (int32_t node = 0; node < NODES; node++) {
        describe("attention of %d rows from %d on, %d groups, node %d", rows, position, groups,
                 node);
        vd_range heads = heads_of(node, groups);
        fill_with_nans(z, ROWS * HEADS * D_H);
        run_node(&op, &b.view, node, node / (NODES / groups), split);
        check_columns(z, rows, HEADS * D_H, heads.begin * D_H, heads.end * D_H);
        run_node(&op, &b.view, node, ALL, split);
        check_columns(z, rows, HEADS * D_H, 0, HEADS * D_H);
    }
}

// The workers of the nodes of a group store its heads together.
static void stores_the_heads_of_the_node(rng *r, int32_t groups) {
    static float k[ROWS * HEADS * D_H], v[ROWS * HEADS * D_H];
    rng_fill(r, ORDINARY, k, ROWS * HEADS * D_H);
    rng_fill(r, ORDINARY, v, ROWS * HEADS * D_H);
    batch b;
    fill_batch(&b, r, ROWS, 50);
    int32_t nodes = NODES / groups;  // of a group
    for (int32_t group = 0; group < groups; group++) {
        describe("kv store, %d groups, group %d", groups, group);
        vd_op op = {.kind = VD_OP_KV_STORE,
                    .as.kv_store = {.k = k, .v = v, .cache = cache_of_groups(groups)}};
        for (int32_t node = group * nodes; node < (group + 1) * nodes; node++) {
            run_node(&op, &b.view, node, ALL, (vd_split){0});
        }
        vd_range heads = heads_of(group * nodes, groups);
        for (int32_t i = 0; i < ROWS * HEADS; i++) {
            int32_t head = i % HEADS;
            kv_element key = key_at(&op.as.kv_store.cache, b.block_tables, head, 50 + i / HEADS, 0);
            CHECK(isnan(*(float *)key.at) == !(heads.begin <= head && head < heads.end));
        }
    }
}

// A projection, a cache of its results and attention to them, by the workers of a pool.
static void run_layer(vd_pool *pool, int32_t rows, int32_t groups, float *z) {
    enum { D = HEADS * D_H, D_IN = 32 };
    static float x[ROWS * D_IN], weights[D * D_IN], y[ROWS * D];
    rng r = {37};
    rng_fill(&r, ORDINARY, x, ROWS * D_IN);
    rng_fill(&r, ORDINARY, weights, D * D_IN);
    int32_t position = 600;
    batch b;
    fill_batch(&b, &r, rows, position);
    vd_kv_cache cache = cache_of_groups(groups);
    cache_fill(&cache, b.block_tables, position, &r, ORDINARY);
    vd_op ops[] = {
        {.kind = VD_OP_MATMUL,
         .as.matmul = {.weights = weights, .x = x, .y = y, .type = VD_F32, .N = D, .K = D_IN}},
        {.kind = VD_OP_KV_STORE,
         .barrier = VD_BARRIER_ALWAYS,
         .as.kv_store = {.k = y, .v = y, .cache = cache}},
        {.kind = VD_OP_ATTENTION,
         .barrier = VD_BARRIER_ALWAYS,
         .as.attention = {.q = y, .cache = cache, .z = z, .H = HEADS, .scale = 1}},
    };
    run_ops_on(pool, ops, sizeof ops / sizeof ops[0], VD_ISA_AUTO, &b.view);
}

static void many_workers_compute_the_bits_of_one(void) {
    enum { MANY = 64, MANY_NODES = 8, ROUNDS = 20 };
    static vd_topology machine;
    static float expected[ROWS * HEADS * D_H], actual[ROWS * HEADS * D_H];
    vd_pool *pool;
    machine_create(&machine, MANY_NODES, 1, MANY / MANY_NODES, 0);
    machine.quota = 2;  // so that workers do not spin
    CHECK(vd_pool_create_on(&machine, MANY, &pool) == VD_OK);
    for (int32_t rows = 1; rows <= ROWS; rows += ROWS - 1) {
        run_layer(pool_of(1), rows, 1, expected);
        for (int32_t round = 0; round < ROUNDS; round++) {
            int32_t groups = 1 << round % 4;
            describe("%d rows, %d groups, round %d", rows, groups, round);
            run_layer(pool, rows, groups, actual);
            same_floats("z", expected, actual, (int64_t)rows * HEADS * D_H);
        }
    }
    vd_pool_free(pool);
}

int main(void) {
    describe_faults();
    rng r = {36};
    products_begin_with_the_slice(&r);
    experts_begin_with_the_slice(&r);
    for (int32_t groups = 1; groups <= NODES; groups *= 2) {
        attention_begins_with_the_heads_of_the_node(&r, ROWS, 0, groups);
        attention_begins_with_the_heads_of_the_node(&r, 1, 600, groups);
        stores_the_heads_of_the_node(&r, groups);
    }
    many_workers_compute_the_bits_of_one();
    return 0;
}

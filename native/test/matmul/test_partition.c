// The division of products among workers: shares cover every product once, those of a node are
// whole jobs, and outputs that several workers compute one after the other have the bits of one
// worker.
#include "matmul/partition.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/isas.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/system.h"
#include "support/weights.h"

enum { SHARES_WORKERS_MAX = 200 };

static vd_product random_product(rng *r) {
    int64_t steps = rng_below(r, 3) == 0 ? 1 : 1 + rng_below(r, 40);
    int64_t jobs = 1 + rng_below(r, 300);
    return (vd_product){.N = jobs * 16 - rng_below(r, 16),
                        .width = 16,
                        .jobs = jobs,
                        .steps = steps,
                        .waits = (int)rng_below(r, 2),
                        .products = 1,
                        .cost = 1 + rng_below(r, 100000)};
}

// Returns whether a slice begins with this worker.
static int begins_slice(const vd_slices *slices, int32_t worker) {
    return slices->begins[vd_slice_of(slices, worker)] == worker;
}

// Requires that the shares of all workers are the products, in order, and that a slice begins with
// its share of jobs of each.
static void check_shares(const vd_partition *partition) {
    const vd_slices *slices = partition->slices;
    int64_t at[VD_PRODUCTS_MAX] = {0};
    int64_t total = 0;
    double cost = 0;
    for (int32_t worker = 0; worker < slices->workers; worker++) {
        vd_range shares[VD_PRODUCTS_MAX];
        vd_partition_shares(partition, worker, shares);
        for (int32_t i = 0; i < partition->count; i++) {
            const vd_product *product = &partition->products[i];
            CHECK(shares[i].begin == at[i] && shares[i].end >= at[i]);
            CHECK(!begins_slice(slices, worker) ||
                  at[i] == product->jobs * worker / slices->workers * product->steps);
            at[i] = shares[i].end;
        }
        cost += vd_partition_cost(partition, worker);
    }
    for (int32_t i = 0; i < partition->count; i++) {
        const vd_product *product = &partition->products[i];
        CHECK(at[i] == product->jobs * product->steps);
        total += product->jobs * product->cost;
        double remote = vd_partition_remote(partition, i);
        CHECK(remote >= 0 && remote <= (double)(product->cost * (slices->count - 1)));
    }
    near("cost", 0, 1, 1e-6, (float)(cost / (double)total));
}

// Divides workers among nodes at random.
static vd_slices random_slices(rng *r, int32_t workers) {
    vd_slices slices = {.workers = workers};
    for (int32_t begin = 0; begin < workers && slices.count < VD_SLICES_MAX;) {
        slices.nodes[slices.count] = slices.count;
        slices.begins[slices.count++] = begin;
        begin += 1 + (int32_t)rng_below(r, workers);
    }
    slices.begins[slices.count] = workers;
    return slices;
}

static void shares_cover_all_products(rng *r) {
    for (int round = 0; round < (short_sweeps() ? 300 : 2000); round++) {
        vd_partition partition;
        int32_t count = 1 + (int32_t)rng_below(r, 5);
        for (int32_t i = 0; i < count; i++) {
            partition.products[i] = random_product(r);
        }
        vd_slices slices = random_slices(r, 1 + (int32_t)rng_below(r, SHARES_WORKERS_MAX));
        vd_partition_decide(&partition, count, &slices);
        describe("round %d, %d products, %d workers on %d nodes", round, count, slices.workers,
                 slices.count);
        check_shares(&partition);
    }
}

// Without parts of jobs, no worker has more than one job too many.
static void divides_equal_products_evenly(void) {
    describe("shares of whole jobs");
    vd_partition partition;
    for (int32_t i = 0; i < 3; i++) {
        partition.products[i] =
            (vd_product){.N = 160, .width = 16, .jobs = 10, .steps = 1, .products = 1, .cost = 100};
    }
    vd_slices slices;
    vd_slices_evenly(&slices, 15, 1);
    vd_partition_decide(&partition, 3, &slices);
    CHECK(partition.together);
    for (int32_t worker = 0; worker < 15; worker++) {
        CHECK(vd_partition_cost(&partition, worker) == 200);
    }
    vd_slices_evenly(&slices, 5, 1);
    vd_partition_decide(&partition, 3, &slices);
    CHECK(!partition.together);
}

// Parts of jobs that wait for each other are of use only if there is a job for each worker.
static void divides_jobs_of_many_tokens_among_few_workers(void) {
    describe("jobs with parts that wait");
    for (int32_t workers = 5; workers <= 15; workers += 5) {
        vd_partition partition;
        partition.products[0] = (vd_product){
            .N = 176, .width = 16, .jobs = 11, .steps = 50, .waits = 1, .products = 1, .cost = 100};
        vd_slices slices;
        vd_slices_evenly(&slices, workers, 1);
        vd_partition_decide(&partition, 1, &slices);
        CHECK(partition.together);
        CHECK(partition.products[0].steps == (workers <= 11 ? 50 : 1));
        near("bytes of the first worker", workers, workers <= 11 ? 1100.0 / workers : 100, 2,
             (float)vd_partition_cost(&partition, workers <= 11 ? 0 : workers - 1));
    }
}

// Each node computes its slice of both products, which its workers divide as one range. The memory
// of 10 jobs is divided at 10/4, 20/4 and 30/4 jobs.
static void divides_slices_among_the_workers_of_nodes(void) {
    describe("two products, 16 workers on 4 nodes");
    vd_partition partition;
    partition.products[0] =
        (vd_product){.N = 128, .width = 16, .jobs = 8, .steps = 2, .products = 1, .cost = 100};
    partition.products[1] =
        (vd_product){.N = 160, .width = 16, .jobs = 10, .steps = 2, .products = 1, .cost = 100};
    vd_slices slices;
    vd_slices_evenly(&slices, 16, 4);
    vd_partition_decide(&partition, 2, &slices);
    CHECK(partition.together);
    vd_range shares[VD_PRODUCTS_MAX];
    vd_partition_shares(&partition, 4, shares);  // the first worker of node 1
    CHECK(shares[0].begin == 4 && shares[0].end == 7);
    CHECK(shares[1].begin == 4 && shares[1].end == 4);
    vd_partition_shares(&partition, 7, shares);
    CHECK(shares[0].begin == 8 && shares[0].end == 8);
    CHECK(shares[1].begin == 8 && shares[1].end == 10);
    near("remote bytes", 0, 0, 0, (float)vd_partition_remote(&partition, 0));
    near("remote bytes", 1, 100, 0, (float)vd_partition_remote(&partition, 1));
}

// ---- bits --------------------------------------------------------------------------------------

enum { ROWS_MAX = 16, N_MAX = 112, K_MAX = 1024, PRODUCTS = 5, WORKERS_MAX = 16 };

typedef struct operands {
    vd_type type;
    int32_t K;
    float x[ROWS_MAX * K_MAX];
    vd_quantized xq;
    void *packed[PRODUCTS];
    float y[PRODUCTS][ROWS_MAX * N_MAX];
    float sum[ROWS_MAX * N_MAX];
    vd_quantized post;
} operands;

// Two products that share an input (the second one adds to `sum`); gate and up, with a quantized
// product; and a product of few outputs.
static const int32_t outputs[PRODUCTS] = {112, 40, 96, 96, 16};

static vd_quantized quantized_buffers(int64_t elements) {
    return (vd_quantized){.q = allocate_aligned((size_t)elements),
                          .scale = allocate_aligned((size_t)elements / 8),
                          .sum = allocate_aligned((size_t)elements / 4),
                          .scaled_sum = allocate_aligned((size_t)elements / 8)};
}

static void free_quantized(vd_quantized *xq) {
    free_aligned(xq->q);
    free_aligned(xq->scale);
    free_aligned(xq->sum);
    free_aligned(xq->scaled_sum);
}

static operands *create_operands(rng *r, vd_type type, int32_t K) {
    operands *o = allocate_aligned(sizeof *o);
    o->type = type;
    o->K = K;
    for (int64_t i = 0; i < ROWS_MAX * K; i++) {
        o->x[i] = rng_uniform(r, -1, 1);
    }
    o->xq = quantized_buffers((int64_t)ROWS_MAX * K);
    o->post = quantized_buffers(ROWS_MAX * N_MAX);
    for (int i = 0; i < PRODUCTS; i++) {
        int64_t bytes;
        void *source = allocate_aligned((size_t)(outputs[i] * weights_row_bytes(type, K)));
        random_weights(r, type, WEIGHTS_PLAIN, outputs[i], K, source);
        CHECK(vd_packed_bytes(type, outputs[i], K, &bytes) == VD_OK);
        o->packed[i] = allocate_aligned((size_t)bytes);
        CHECK(vd_pack(NULL, type, outputs[i], K, source, o->packed[i], 0, (outputs[i] + 15) / 16) ==
              VD_OK);
        free_aligned(source);
    }
    return o;
}

static void free_operands(operands *o) {
    for (int i = 0; i < PRODUCTS; i++) {
        free_aligned(o->packed[i]);
    }
    free_quantized(&o->xq);
    free_quantized(&o->post);
    free_aligned(o);
}

static vd_op product_of(operands *o, int i) {
    return (vd_op){.kind = VD_OP_MATMUL,
                   .as.matmul = {.weights = o->packed[i],
                                 .xq = o->xq,
                                 .y = o->y[i],
                                 .type = o->type,
                                 .N = outputs[i],
                                 .K = o->K}};
}

// Runs all products, those without a barrier between them together.
static void run_products(operands *o, vd_isa isa, vd_pool *pool, const vd_batch *b) {
    memset(o->sum, 0, sizeof o->sum);
    memset(o->y, 0xff, sizeof o->y);  // NaNs
    vd_op ops[] = {
        {.kind = VD_OP_QUANTIZE, .as.quantize = {.x = o->x, .y = o->xq, .K = o->K}},
        product_of(o, 0),
        product_of(o, 1),
        {.kind = VD_OP_ADD,
         .epilogue = 1,
         .as.add = {.a = o->sum, .b = o->y[1], .y = o->sum, .width = outputs[1]}},
        product_of(o, 2),
        product_of(o, 3),
        {.kind = VD_OP_ACTIVATION,
         .epilogue = 1,
         .as.activation = {.x = o->y[2],
                           .up = o->y[3],
                           .y = o->y[2],
                           .kind = VD_ACTIVATION_SILU,
                           .width = outputs[2]}},
        {.kind = VD_OP_QUANTIZE,
         .epilogue = 1,
         .as.quantize = {.x = o->y[2], .y = o->post, .K = outputs[2]}},
        product_of(o, 4),
    };
    ops[1].barrier = VD_BARRIER_ALWAYS;
    ops[5].epilogue = 1;
    ops[8].barrier = VD_BARRIER_ALWAYS;
    run_ops_on(pool, ops, sizeof ops / sizeof ops[0], isa, b);
}

static void compare(const operands *expected, const operands *actual, int32_t rows) {
    for (int i = 0; i < PRODUCTS; i++) {
        same_floats("y", expected->y[i], actual->y[i], (int64_t)rows * outputs[i]);
    }
    same_floats("sum", expected->sum, actual->sum, (int64_t)rows * outputs[1]);
    same_bytes("q", expected->post.q, actual->post.q, (int64_t)rows * outputs[2]);
    same_floats("scales", expected->post.scale, actual->post.scale,
                (int64_t)rows * outputs[2] / 32);
}

static void check_type(rng *r, vd_type type) {
    static const struct {
        int32_t workers, nodes;
    } machines[] = {{2, 1}, {3, 1}, {7, 1}, {7, 3}, {WORKERS_MAX, 1}, {WORKERS_MAX, 4}};
    int32_t K = block_elements(type) <= 64 ? 576 : K_MAX;
    operands *o = create_operands(r, type, K);
    operands *expected = allocate_aligned(sizeof *expected);
    static const int32_t numbers[] = {1, 2, 5, ROWS_MAX};
    for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
        int32_t rows = numbers[n];
        batch b;
        batch_begin(&b, r, 1, 1);
        for (int32_t i = 0; i < rows; i++) {
            batch_add(&b, 0, i, 0, 0);
        }
        describe("%s, 1 worker, %d rows", type_name(type), rows);
        run_products(o, VD_ISA_SCALAR, pool_of(1), &b.view);
        *expected = *o;
        expected->post = quantized_buffers(ROWS_MAX * N_MAX);
        memcpy(expected->post.q, o->post.q, ROWS_MAX * N_MAX);
        memcpy(expected->post.scale, o->post.scale, ROWS_MAX * N_MAX / 8);
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            for (size_t i = short_sweeps(); i < sizeof machines / sizeof machines[0];
                 i += short_sweeps() ? 2 : 1) {
                int32_t workers = machines[i].workers, nodes = machines[i].nodes;
                if (isa_is_emulated(isa) && workers != 7) {
                    continue;
                }
                describe("%s, %s, %d workers on %d nodes, %d rows", type_name(type),
                         vd_isa_name(isa), workers, nodes, rows);
                run_products(o, isa, pool_on_nodes(workers, nodes), &b.view);
                compare(expected, o, rows);
            }
        }
        free_quantized(&expected->post);
    }
    free_aligned(expected);
    free_operands(o);
}

static void bits_do_not_depend_on_workers(rng *r) {
    int left = 0;
    for (int i = 0; i < WEIGHT_TYPES; i++) {
        if (is_quantized(weight_types[i]) && left-- == 0) {
            check_type(r, weight_types[i]);
            left = short_sweeps() ? 3 : 0;
        }
    }
}

int main(void) {
    test_begin("partition");
    rng r = {34};
    shares_cover_all_products(&r);
    divides_equal_products_evenly();
    divides_jobs_of_many_tokens_among_few_workers();
    divides_slices_among_the_workers_of_nodes();
    bits_do_not_depend_on_workers(&r);
    return 0;
}

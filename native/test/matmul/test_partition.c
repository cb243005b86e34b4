// The division of products among workers: shares cover every product once, and outputs that several
// workers compute one after the other have the bits of one worker.
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
                        .products = 1,
                        .cost = 1 + rng_below(r, 100000)};
}

// Requires that the shares of all workers are the product, in order.
static void check_shares(const vd_partition *partition) {
    int64_t total = 0;
    double cost = 0;
    for (int32_t i = 0; i < partition->count; i++) {
        const vd_product *product = &partition->products[i];
        int64_t at = 0;
        for (int32_t worker = 0; worker < partition->workers; worker++) {
            vd_range share = vd_partition_share(partition, i, worker);
            CHECK(share.begin == at && share.end >= share.begin);
            at = share.end;
        }
        CHECK(at == product->jobs * product->steps);
        total += product->jobs * product->cost;
    }
    for (int32_t worker = 0; worker < partition->workers; worker++) {
        cost += vd_partition_cost(partition, worker);
    }
    near("cost", 0, 1, 1e-6, (float)(cost / (double)total));
}

static void shares_cover_all_products(rng *r) {
    for (int round = 0; round < 2000; round++) {
        vd_partition partition;
        int32_t count = 1 + (int32_t)rng_below(r, 5);
        for (int32_t i = 0; i < count; i++) {
            partition.products[i] = random_product(r);
        }
        vd_partition_decide(&partition, count, 1 + (int32_t)rng_below(r, SHARES_WORKERS_MAX));
        describe("round %d, %d products, %d workers", round, count, partition.workers);
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
    vd_partition_decide(&partition, 3, 15);
    CHECK(partition.together);
    for (int32_t worker = 0; worker < 15; worker++) {
        CHECK(vd_partition_cost(&partition, worker) == 200);
    }
    vd_partition_decide(&partition, 3, 5);
    CHECK(!partition.together);
}

// ---- bits
// ----------------------------------------------------------------------------------------

enum { ROWS_MAX = 5, N_MAX = 112, K_MAX = 1024, PRODUCTS = 5, WORKERS_MAX = 16 };

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

// Two products that share an input, and of which the second one adds to `sum`; gate and up, whose
// product is quantized; and a product of few outputs.
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
static void run_products(operands *o, vd_isa isa, int32_t workers, const vd_batch *b) {
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
    run_ops(ops, sizeof ops / sizeof ops[0], isa, workers, b);
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
    static const int32_t workers[] = {2, 3, 7, WORKERS_MAX};
    int32_t K = block_elements(type) <= 64 ? 576 : K_MAX;
    operands *o = create_operands(r, type, K);
    operands *expected = allocate_aligned(sizeof *expected);
    for (int32_t rows = 1; rows <= ROWS_MAX; rows += rows) {
        batch b;
        batch_begin(&b, r, 1, 1);
        for (int32_t i = 0; i < rows; i++) {
            batch_add(&b, 0, i, 0, 0);
        }
        describe("%s, 1 worker, %d rows", type_name(type), rows);
        run_products(o, VD_ISA_SCALAR, 1, &b.view);
        *expected = *o;
        expected->post = quantized_buffers(ROWS_MAX * N_MAX);
        memcpy(expected->post.q, o->post.q, ROWS_MAX * N_MAX);
        memcpy(expected->post.scale, o->post.scale, ROWS_MAX * N_MAX / 8);
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            for (size_t w = 0; w < sizeof workers / sizeof workers[0]; w++) {
                if (isa_is_emulated(isa) && workers[w] != 7) {
                    continue;
                }
                describe("%s, %s, %d workers, %d rows", type_name(type), vd_isa_name(isa),
                         workers[w], rows);
                run_products(o, isa, workers[w], &b.view);
                compare(expected, o, rows);
            }
        }
        free_quantized(&expected->post);
    }
    free_aligned(expected);
    free_operands(o);
}

static void bits_do_not_depend_on_workers(rng *r) {
    for (int i = 0; i < WEIGHT_TYPES; i++) {
        if (is_quantized(weight_types[i])) {
            check_type(r, weight_types[i]);
        }
    }
}

int main(void) {
    test_begin("partition");
    rng r = {34};
    shares_cover_all_products(&r);
    divides_equal_products_evenly();
    bits_do_not_depend_on_workers(&r);
    return 0;
}

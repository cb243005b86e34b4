// top-k: every variant and number of workers equals the scalar one on one worker, which equals a
// full sort and is close to sums in double.
#include "top_k/top_k.h"

#include <stdlib.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/tolerance.h"

enum { ROWS = 5, V_MAX = 3000 };

static float x[ROWS * V_MAX];

// The row of the ids that are sorted by descending value, then by ascending id.
static const float *sorted_row;

static float rank(int32_t id) { return isnan(sorted_row[id]) ? -INFINITY : sorted_row[id]; }

static int compare(const void *a, const void *b) {
    int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
    if (rank(i) != rank(j)) {
        return rank(i) > rank(j) ? -1 : 1;
    }
    return i < j ? -1 : 1;
}

static vd_op run(vd_isa isa, int32_t workers, int32_t rows, int32_t V, int32_t k, placement where) {
    vd_op op = {.kind = VD_OP_TOP_K,
                .rows = VD_ROWS_LOGITS,
                .as.top_k = {.x = guarded_copy(x, (size_t)rows * V * 4, where),
                             .values = guarded_alloc((size_t)rows * k * 4, where),
                             .ids = guarded_alloc((size_t)rows * k * 4, where),
                             .sums = guarded_alloc((size_t)rows * 2 * 4, where),
                             .V = V,
                             .k = k}};
    run_rows(&op, isa, workers, rows);
    return op;
}

// Checks the maximum and the sum of exponentials of a row of values from -4 to 4. The argument of
// an exponential has an error of 8 half units in the last place of 1, the exponential two more
// roundings, and the lane sum those of its depth. Merging a chunk takes an exponential and two
// roundings; the arguments of all merges add up to 8 at most.
static void check_sum(const vd_top_k *top, int64_t row) {
    const float *r = x + row * top->V;
    double maximum = -HUGE_VAL, sum = 0;
    for (int32_t i = 0; i < top->V; i++) {
        maximum = (double)r[i] > maximum ? (double)r[i] : maximum;
    }
    for (int32_t i = 0; i < top->V; i++) {
        sum += exp((double)r[i] - maximum);
    }
    int64_t length = vd_top_k_chunk(top->V);
    int64_t depth = 10 + lane_sum_depth(length) + 5 * vd_ceil_div(top->V, length) + 8;
    near("maximum", row, maximum, 0, top->sums[2 * row]);
    near("sum", row, sum, roundings(depth) * sum, top->sums[2 * row + 1]);
}

static void check_definition(int32_t rows, int32_t V, int32_t k, floats kind) {
    describe("top-k scalar, V %d, k %d, %s", V, k, floats_name(kind));
    vd_op op = run(VD_ISA_SCALAR, 1, rows, V, k, AT_END);
    const vd_top_k *top = &op.as.top_k;
    for (int64_t row = 0; row < rows; row++) {
        int32_t ids[V_MAX];
        float values[V_MAX];
        for (int32_t i = 0; i < V; i++) {
            ids[i] = i;
        }
        sorted_row = x + row * V;
        qsort(ids, (size_t)V, sizeof ids[0], compare);
        for (int32_t i = 0; i < k; i++) {
            values[i] = sorted_row[ids[i]];
        }
        same_ints("ids", ids, top->ids + row * k, k);
        same_floats("values", values, top->values + row * k, k);
        if (kind == ORDINARY) {
            check_sum(top, row);
        }
    }
    guarded_free_all();
}

static void check_variants(int32_t rows, int32_t V, int32_t k, floats kind) {
    static const int32_t workers[] = {1, 2, 3, 16};
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        vd_op expected = run(VD_ISA_SCALAR, 1, rows, V, k, AT_END);
        for (int i = 0; i < 4; i++) {
            describe("top-k %s, %d workers, %d rows, V %d, k %d, %s", vd_isa_name(isa), workers[i],
                     rows, V, k, floats_name(kind));
            vd_op actual = run(isa, workers[i], rows, V, k, (placement)(i % PLACEMENTS));
            same_ints("ids", expected.as.top_k.ids, actual.as.top_k.ids, (int64_t)rows * k);
            same_floats("values", expected.as.top_k.values, actual.as.top_k.values,
                        (int64_t)rows * k);
            same_floats("sums", expected.as.top_k.sums, actual.as.top_k.sums, 2 * (int64_t)rows);
        }
        guarded_free_all();
    }
}

// Checks operations without barriers: workers that search a row together share scratch memory,
// which the operations of a plan use one after the other.
static void shares_scratch_memory_in_turn(rng *r) {
    enum { OPS = 8, WORKERS = 4, V = 2000, k = 5 };
    batch b;
    batch_begin(&b, r, 1, 1);
    batch_add(&b, 0, 0, 0, 1);
    vd_op ops[OPS];
    for (int i = 0; i < OPS; i++) {
        rng_fill(r, ORDINARY, x, V);
        ops[i] = run(VD_ISA_SCALAR, 1, 1, V, k, AT_END);
    }
    for (int round = 0; round < 100; round++) {
        vd_op again[OPS];
        int32_t ids[OPS][k];
        for (int i = 0; i < OPS; i++) {
            again[i] = ops[i];
            again[i].as.top_k.ids = ids[i];
        }
        describe("top-k %d times in a plan", OPS);
        run_ops(again, OPS, VD_ISA_SCALAR, WORKERS, &b.view);
        for (int i = 0; i < OPS; i++) {
            same_ints("ids", ops[i].as.top_k.ids, ids[i], k);
        }
    }
    guarded_free_all();
}

static void check_length(rng *r, int32_t V) {
    for (floats kind = 0; kind < FLOATS_COUNT; kind++) {
        rng_fill(r, kind, x, ROWS * V);
        for (int32_t i = 0; i < ROWS * V; i += 3) {
            x[i] = x[rng_below(r, ROWS * V)];  // ties
        }
        int32_t k_max = V < VD_TOP_K_MAX ? V : VD_TOP_K_MAX;
        int32_t k = (int32_t)rng_between(r, 1, k_max), rows = (int32_t)rng_between(r, 1, ROWS);
        check_definition(rows, V, k, kind);
        check_variants(rows, V, k, kind);
        check_variants(1, V, kind == ORDINARY ? k_max : 1, kind);
    }
}

int main(void) {
    test_begin("top_k");
    rng r = {31};
    for (int i = 0; i < LENGTHS; i += 4 * sweep_step()) {
        check_length(&r, length_at(i));
    }
    check_length(&r, V_MAX);
    shares_scratch_memory_in_turn(&r);
    return 0;
}

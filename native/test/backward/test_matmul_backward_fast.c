// Fast matmul backward: every variant and type against double within what rounding to bf16 may do;
// no bit depends on the workers, and few rows are ordinary products.
#include <math.h>
#include <string.h>

#include "backward/matmul_backward_case.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/isas.h"
#include "support/plans.h"
#include "support/tolerance.h"

enum { ROWS_MAX = 390, N_MAX = 1100, K_MAX = 512 };

static float dy[ROWS_MAX * N_MAX], first[ROWS_MAX * K_MAX], dx[ROWS_MAX * K_MAX];

static void run(vd_isa isa, int32_t workers, const product *p, int32_t fast, placement where,
                float *result) {
    vd_op op = {.kind = VD_OP_MATMUL_BACKWARD, .as.matmul_backward = prepare(p, dy, where)};
    op.as.matmul_backward.fast = fast;
    run_rows(&op, isa, workers, p->M);
    CHECK(held_tiles() == 0);
    memcpy(result, op.as.matmul_backward.dx, (size_t)p->M * p->K * sizeof(float));
    guarded_free_all();
}

static void check_element(const product *p, int64_t m, int64_t k) {
    double sum = 0, magnitude = 0, factors = 0;
    for (int64_t n = 0; n < p->N; n++) {
        double g = (double)dy[m * p->N + n];
        double w = weight_value(p->type, case_weights + n * weights_row_bytes(p->type, p->K), k);
        sum += g * w;
        magnitude += fabs(g * w);
        factors += fabs(g) + fabs(w);
    }
    near("dx", m * p->K + k, sum, bf16_sum_error(p->N, magnitude, factors), dx[m * p->K + k]);
}

static void check_product(rng *r, const product *p, floats kind) {
    rng_fill(r, kind, dy, (int64_t)p->M * p->N);
    random_weights(r, p->type, p->bits, p->N, p->K, case_weights);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        if (vd_matmul_backward_fast_kernels[isa] == NULL) {
            continue;
        }
        for (int32_t workers = 1; workers <= 3; workers++) {
            describe("fast matmul backward %s %s, %d workers, M %d, N %d, K %d, unpacked %d, %s",
                     type_name(p->type), vd_isa_name(isa), workers, p->M, p->N, p->K, p->unpacked,
                     floats_name(kind));
            run(isa, workers, p, 1, (placement)(workers % PLACEMENTS), dx);
            if (workers == 1) {
                memcpy(first, dx, sizeof dx);
            }
            same_floats("dx", first, dx, (int64_t)p->M * p->K);
        }
        for (int64_t k = 0; k < p->K; k += 5) {
            for (int64_t m = 0; m < p->M; m += 7) {
                check_element(p, m, k);
            }
        }
    }
}

// Up to 16 rows are products with equal bits.
static void check_few_rows(rng *r, vd_type type) {
    product p = {.type = type, .M = 16, .N = 70, .K = whole_blocks(type, 256, 70)};
    rng_fill(r, ORDINARY, dy, (int64_t)p.M * p.N);
    random_weights(r, type, WEIGHTS_PLAIN, p.N, p.K, case_weights);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        run(isa, 2, &p, 0, AT_END, first);
        run(isa, 2, &p, 1, AT_END, dx);
        same_floats("dx", first, dx, (int64_t)p.M * p.K);
    }
}

// What is no number reaches its row of dx, and no others.
static void check_not_a_number(rng *r, vd_type type) {
    product p = {.type = type, .M = 20, .N = 33, .K = whole_blocks(type, 64, 40)};
    rng_fill(r, ORDINARY, dy, (int64_t)p.M * p.N);
    random_weights(r, type, WEIGHTS_PLAIN, p.N, p.K, case_weights);
    dy[3 * p.N + 5] = NAN;
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        run(isa, 2, &p, 1, AT_END, dx);
        for (int64_t i = 0; i < (int64_t)p.M * p.K; i++) {
            CHECK(isnan(dx[i]) == (i / p.K == 3));
        }
    }
}

int main(void) {
    test_begin_emulated("matmul_backward_fast", VD_ISA_AMX_BF16);
    rng r = {34};
    static const int32_t rows[] = {17, 31, 32, 33, 100, 385};
    static const int32_t outputs[] = {1, 15, 16, 17, 33, 300, 511, 513, 1090};
    enum { SHAPES = sizeof rows / sizeof rows[0], OUTPUTS = sizeof outputs / sizeof outputs[0] };
    for (int t = 0; t < WEIGHT_TYPES; t++) {
        for (int i = 0; i < SHAPES; i += sweep_step()) {
            int32_t columns = (int32_t)rng_between(&r, 1, 130);
            product p = {.type = weight_types[t],
                         .M = rows[i],
                         .N = outputs[rng_below(&r, OUTPUTS)],
                         .K = whole_blocks(weight_types[t], columns, columns),
                         .unpacked = is_quantized(weight_types[t]) && i % 3 == 0,
                         .bits = (weight_bits)rng_below(&r, WEIGHTS_GREATEST + 1)};
            check_product(&r, &p, i % 2 == 0 ? ORDINARY : (floats)rng_below(&r, HUGE_ONES));
        }
        check_few_rows(&r, weight_types[t]);
        check_not_a_number(&r, weight_types[t]);
    }
    return 0;
}

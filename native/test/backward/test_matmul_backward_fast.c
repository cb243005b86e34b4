// Fast matmul backward: every variant and type against double within what rounding to bf16 may do;
// no bit depends on the workers, and few rows are ordinary products.
#include <math.h>
#include <string.h>

#include "backward/backward.h"
#include "matmul/matmul_case.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/isas.h"
#include "support/plans.h"
#include "support/tolerance.h"

// bf16 has 8 bits; what is less than the least normal number becomes zero.
#define BF16_ROUNDOFF 0x1p-8
#define BF16_LEAST 0x1p-126

static const vd_type types[] = {VD_F32,  VD_F16,  VD_BF16, VD_Q4_0,   VD_Q4_1,
                                VD_Q5_0, VD_Q5_1, VD_Q8_0, VD_Q2_K,   VD_Q3_K,
                                VD_Q4_K, VD_Q5_K, VD_Q6_K, VD_IQ4_NL, VD_MXFP4};
enum { TYPES = sizeof types / sizeof types[0], ROWS_MAX = 390, N_MAX = 1100, K_MAX = 512 };

static float dy[ROWS_MAX * N_MAX], first[ROWS_MAX * K_MAX], dx[ROWS_MAX * K_MAX];

typedef struct product {
    vd_type type;
    int32_t M, N, K, unpacked;
    weight_bits bits;
} product;

static void run(vd_isa isa, int32_t workers, const product *p, int32_t fast, placement where,
                float *result) {
    matmul_case c = whole(p->type, 1, p->N, p->K);
    size_t weight_bytes = (size_t)(p->N * weights_row_bytes(p->type, p->K));
    size_t bytes = (size_t)p->M * p->K * sizeof(float);
    vd_matmul_backward op = {
        .weights = p->unpacked ? guarded_copy(case_weights, weight_bytes, where)
                               : prepare_case(&c, where).weights,
        .dy = guarded_copy(dy, (size_t)p->M * p->N * sizeof(float), where),
        .dx = guarded_alloc(bytes, where),
        .type = p->type,
        .N = p->N,
        .K = p->K,
        .unpacked = p->unpacked,
        .fast = fast,
    };
    run_rows(&(vd_op){.kind = VD_OP_MATMUL_BACKWARD, .as.matmul_backward = op}, isa, workers, p->M);
    CHECK(held_tiles() == 0);
    memcpy(result, op.dx, bytes);
    guarded_free_all();
}

// Both factors of a term are rounded to f32 and to bf16, and a sum of N terms in any order rounds
// each of them N times at most, once more per panel. Factors, products and sums may be flushed.
static void check_element(const product *p, int64_t m, int64_t k) {
    double sum = 0, magnitude = 0, factors = 0;
    for (int64_t n = 0; n < p->N; n++) {
        double g = (double)dy[m * p->N + n];
        double w = weight_value(p->type, case_weights + n * weights_row_bytes(p->type, p->K), k);
        sum += g * w;
        magnitude += fabs(g * w);
        factors += fabs(g) + fabs(w);
    }
    double factor = (1 + BF16_ROUNDOFF) * (1 + UNIT_ROUNDOFF);
    double relative = factor * factor * (1 + roundings(2 * p->N)) - 1;
    double flushed = BF16_LEAST * (2 * factors + 3 * (double)p->N);
    near("dx", m * p->K + k, sum, relative * magnitude + flushed, dx[m * p->K + k]);
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
    for (int t = 0; t < TYPES; t++) {
        for (int i = 0; i < SHAPES; i += sweep_step()) {
            int32_t columns = (int32_t)rng_between(&r, 1, 130);
            product p = {.type = types[t],
                         .M = rows[i],
                         .N = outputs[rng_below(&r, OUTPUTS)],
                         .K = whole_blocks(types[t], columns, columns),
                         .unpacked = is_quantized(types[t]) && i % 3 == 0,
                         .bits = (weight_bits)rng_below(&r, WEIGHTS_GREATEST + 1)};
            check_product(&r, &p, i % 2 == 0 ? ORDINARY : (floats)rng_below(&r, HUGE_ONES));
        }
        check_few_rows(&r, types[t]);
        check_not_a_number(&r, types[t]);
    }
    return 0;
}

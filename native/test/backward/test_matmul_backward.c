// matmul backward: every variant and type equals the scalar one, which is close to double.
#include <math.h>
#include <string.h>

#include "backward/backward.h"
#include "matmul/matmul_case.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/isas.h"
#include "support/plans.h"
#include "support/tolerance.h"

enum { ROWS_MAX = 200, N_MAX = 400, K_MAX = 640 };

typedef struct product {
    vd_type type;
    int32_t M, N, K, unpacked;
    weight_bits bits;
} product;

static float dy[ROWS_MAX * N_MAX], expected[ROWS_MAX * K_MAX], actual[ROWS_MAX * K_MAX];

// Returns the operation with operands in guarded memory: the weights of matmul_case.h and dy [M,N].
static vd_matmul_backward prepare(const product *p, placement where) {
    matmul_case c = whole(p->type, 1, p->N, p->K);
    size_t bytes = (size_t)(p->N * weights_row_bytes(p->type, p->K));
    return (vd_matmul_backward){
        .weights = p->unpacked ? guarded_copy(case_weights, bytes, where)
                               : prepare_case(&c, where).weights,
        .dy = guarded_copy(dy, (size_t)p->M * p->N * sizeof(float), where),
        .dx = guarded_alloc((size_t)p->M * p->K * sizeof(float), where),
        .type = p->type,
        .N = p->N,
        .K = p->K,
        .unpacked = p->unpacked,
    };
}

static void run(vd_isa isa, int32_t workers, const product *p, placement where, float *result) {
    vd_op op = {.kind = VD_OP_MATMUL_BACKWARD, .as.matmul_backward = prepare(p, where)};
    run_rows(&op, isa, workers, p->M);
    memcpy(result, op.as.matmul_backward.dx, (size_t)p->M * p->K * sizeof(float));
    guarded_free_all();
}

static void check_definition(const product *p, const float *dx) {
    for (int64_t k = 0; k < p->K; k += 7) {
        for (int64_t m = 0; m < p->M; m += 5) {
            double sum = 0, magnitude = 0;
            for (int64_t n = 0; n < p->N; n++) {
                const unsigned char *row = case_weights + n * weights_row_bytes(p->type, p->K);
                double term = (double)dy[m * p->N + n] * weight_value(p->type, row, k);
                sum += term;
                magnitude += fabs(term);
            }
            double tolerance = roundings(p->N + 1) * magnitude + underflows(p->N);
            near("dx", m * p->K + k, sum, tolerance, dx[m * p->K + k]);
        }
    }
}

static void check_product(rng *r, const product *p, floats kind) {
    rng_fill(r, kind, dy, (int64_t)p->M * p->N);
    random_weights(r, p->type, p->bits, p->N, p->K, case_weights);
    for (placement where = 0; where < PLACEMENTS; where++) {
        describe("matmul backward %s scalar, M %d, N %d, K %d, unpacked %d", type_name(p->type),
                 p->M, p->N, p->K, p->unpacked);
        run(VD_ISA_SCALAR, 1, p, where, expected);
        if (kind == ORDINARY && p->bits == WEIGHTS_PLAIN) {
            check_definition(p, expected);
        }
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            for (int32_t workers = 1; workers <= 3; workers++) {
                describe("matmul backward %s %s, %d workers, M %d, N %d, K %d, unpacked %d, %s",
                         type_name(p->type), vd_isa_name(isa), workers, p->M, p->N, p->K,
                         p->unpacked, floats_name(kind));
                run(isa, workers, p, where, actual);
                same_floats("dx", expected, actual, (int64_t)p->M * p->K);
            }
        }
    }
}

// Checks a dy with few nonzero columns. Kernels skip its zero columns.
static void skips_zero_columns(rng *r, vd_type type) {
    product p = {.type = type, .M = 3, .N = N_MAX, .K = whole_blocks(type, 256, 70)};
    memset(dy, 0, sizeof dy);
    random_weights(r, type, WEIGHTS_PLAIN, p.N, p.K, case_weights);
    dy[300] = 1.5f;
    dy[2 * N_MAX + 5] = -2;
    run(VD_ISA_SCALAR, 1, &p, AT_END, expected);
    check_definition(&p, expected);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        describe("matmul backward %s %s of a sparse dy", type_name(type), vd_isa_name(isa));
        run(isa, 2, &p, AT_END, actual);
        same_floats("dx", expected, actual, (int64_t)p.M * p.K);
    }
}

// Checks that a sum of zeros is +0. Products that underflow leave -0, to which a kernel may or may
// not add zeros of dy.
static void sums_zeros_to_positive_zero(void) {
    enum { M = 5, N = 300, K = 70, UNDERFLOWING = 128 };
    static float w[N * K], zeros[M * K];
    product p = {.type = VD_F32, .M = M, .N = N, .K = K};
    for (int32_t n = 0; n < N; n++) {
        for (int32_t m = 0; m < M; m++) {
            dy[m * N + n] = n < UNDERFLOWING ? 0x1p-80f : 0.0f;
        }
        for (int32_t k = 0; k < K; k++) {
            w[n * K + k] = n < UNDERFLOWING ? -0x1p-80f : 1.0f;
        }
    }
    memcpy(case_weights, w, sizeof w);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        describe("matmul backward %s of products that underflow", vd_isa_name(isa));
        run(isa, 2, &p, AT_END, actual);
        same_floats("dx", zeros, actual, (int64_t)M * K);
    }
}

int main(void) {
    test_begin("matmul_backward");
    sums_zeros_to_positive_zero();
    rng r = {33};
    static const int32_t rows[] = {1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 17, 25, 200};
    static const int32_t outputs[] = {1, 15, 16, 17, 127, 128, 129, 33, 300};
    enum { SHAPES = sizeof rows / sizeof rows[0], OUTPUTS = sizeof outputs / sizeof outputs[0] };
    for (int t = 0; t < WEIGHT_TYPES; t++) {
        for (int i = 0; i < SHAPES; i += sweep_step()) {
            int32_t columns = (int32_t)rng_between(&r, 1, 130);
            product p = {.type = weight_types[t],
                         .M = rows[i],
                         .N = outputs[rng_below(&r, OUTPUTS)],
                         .K = whole_blocks(weight_types[t], columns, columns),
                         .unpacked = is_quantized(weight_types[t]) && i % 3 == 0,
                         .bits = (weight_bits)rng_below(&r, WEIGHTS_ANY_HALF)};
            check_product(&r, &p, i % 2 == 0 ? ORDINARY : (floats)rng_below(&r, FLOATS_COUNT));
        }
        skips_zero_columns(&r, weight_types[t]);
    }
    return 0;
}

// matmul: every variant equals the scalar one, which is close to docs/numerics.md in double; a
// product divided among workers equals one call.
#include "matmul/matmul.h"

#include <math.h>
#include <string.h>

#include "matmul/matmul_case.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/tolerance.h"
#include "support/weights.h"

static float *run(vd_isa isa, vd_matmul *op, const matmul_case *c, placement where) {
    op->y = guarded_alloc((size_t)c->M * c->N * sizeof(float), where);
    vd_matmul_kernels[c->type][isa](op, c->rows, c->units, vd_all_columns(op));
    return op->y;
}

// Returns 1 if the set has the kernel of its base, or is emulated and skips the case.
static int is_skipped(const matmul_case *c, vd_isa isa) {
    return vd_matmul_kernels[c->type][isa] == vd_matmul_kernels[c->type][vd_isa_base(isa)] ||
           skips_case(isa, products_of(c));
}

enum { OUTPUTS_MAX = 8192 };

// Runs every variant at the end and at the start of pages. The scalar one, which takes longer than
// all others, runs once: its loops do not depend on the sizes.
static void check_variants(const matmul_case *c) {
    static float expected[OUTPUTS_MAX];
    static int cases;
    placement scalar_at = (placement)(cases++ % PLACEMENTS);
    for (int i = 0; i < PLACEMENTS; i++) {
        placement where = (placement)((scalar_at + i) % PLACEMENTS);
        vd_matmul op = prepare_case(c, where);
        if (where == scalar_at) {
            describe_case("scalar", c);
            const float *y = run(VD_ISA_SCALAR, &op, c, where);
            check_untouched(c, y);
            CHECK((int64_t)c->M * c->N <= OUTPUTS_MAX);
            memcpy(expected, y, (size_t)c->M * c->N * sizeof *y);
        }
        for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            if (is_skipped(c, isa)) {
                continue;
            }
            describe_case(vd_isa_name(isa), c);
            same_floats("y", expected, run(isa, &op, c, where), (int64_t)c->M * c->N);
            CHECK(held_tiles() == 0);
        }
        guarded_free_all();
    }
}

// Checks a product of float weights: a lane sum of K terms.
static void check_float_output(const matmul_case *c, int64_t m, int64_t n, float y) {
    const unsigned char *row = case_weights + n * weights_row_bytes(c->type, c->K);
    double sum = 0, magnitude = 0;
    for (int64_t k = 0; k < c->K; k++) {
        double term = (double)case_x[m * c->K + k] * weight_value(c->type, row, k);
        sum += term;
        magnitude += fabs(term);
    }
    double tolerance = roundings(lane_sum_depth(c->K)) * magnitude + underflows(c->K);
    near("y", m * c->N + n, sum, tolerance, y);
}

// Checks a product of quantized weights. A sub-block is an exact integer times a rounded product of
// scales, added by one fma, or by two for types with minima. No product of scales underflows.
static void check_quantized_output(const matmul_case *c, const vd_quantized *xq, int64_t m,
                                   int64_t n, float y) {
    const unsigned char *row = case_weights + n * weights_row_bytes(c->type, c->K);
    int64_t sub_block = sub_block_elements(c->type);
    double sum = 0, magnitude = 0;
    for (int64_t begin = 0; begin < c->K; begin += sub_block) {
        int32_t products = 0, q_sum = 0;
        for (int64_t k = begin; k < begin + sub_block; k++) {
            int32_t q = xq->q[m * c->K + k];
            products += weight_quant(c->type, row, k) * q;
            q_sum += q;
        }
        double scale = (double)xq->scale[(m * c->K + begin) / 32];
        double product = products * weight_scale(c->type, row, begin) * scale;
        double minimum = weight_minimum(c->type, row, begin) * q_sum * scale;
        sum += product + minimum;
        magnitude += fabs(product) + fabs(minimum);
    }
    int64_t steps = 2 * (c->K / sub_block);
    double tolerance = roundings(steps + 2) * magnitude + underflows(steps);
    near("y", m * c->N + n, sum, tolerance, y);
}

static void check_definition(const matmul_case *c) {
    vd_matmul op = prepare_case(c, AT_END);
    describe_case("scalar against double", c);
    const float *y = run(VD_ISA_SCALAR, &op, c, AT_END);
    for (int64_t m = 0; m < c->M; m++) {
        for (int64_t n = 0; n < c->N; n++) {
            if (is_quantized(c->type)) {
                check_quantized_output(c, &op.xq, m, n, y[m * c->N + n]);
            } else {
                check_float_output(c, m, n, y[m * c->N + n]);
            }
        }
    }
    guarded_free_all();
}

// Checks all partial tiles, in rows and in outputs.
static void computes_partial_tiles(rng *r, vd_type type) {
    static const int32_t Ns[] = {1, 2, 3, 4, 5, 8, 15, 16, 17, 32, 33, 47, 64, 65};
    for (int32_t M = 1; M <= 15; M += sweep_step()) {
        for (size_t i = 0; i < sizeof Ns / sizeof Ns[0]; i++) {
            matmul_case c = whole(type, M < 15 ? M : 100, Ns[i], whole_blocks(type, 64, 35));
            fill_case(r, &c);
            check_variants(&c);
        }
    }
}

// Checks products of many rows, for which kernels may divide K, rows and outputs differently.
static void computes_many_rows(rng *r, vd_type type) {
    static const int32_t Ms[] = {16, 31, 32, 47, 48};
    static const int32_t Ns[] = {16, 60, 64, 83};
    static const int32_t lengths[] = {1, 2, 3, 4, 5, 8, 15, 16, 17, 18, 32, 45};
    for (size_t i = 0; i < sizeof Ms / sizeof Ms[0]; i += (size_t)sweep_step()) {
        int32_t previous = 0;
        size_t n = i;
        for (size_t j = 0; j < sizeof lengths / sizeof lengths[0]; j++) {
            int32_t K = whole_blocks(type, 32 * lengths[j], 7 * lengths[j]);
            if (K == previous) {  // of a type with long blocks
                continue;
            }
            previous = K;
            matmul_case c = whole(type, Ms[i], Ns[n++ % (sizeof Ns / sizeof Ns[0])], K);
            c.bits = (weight_bits)rng_below(r, WEIGHT_BITS_COUNT);
            c.kind = (floats)rng_below(r, FLOATS_COUNT);
            fill_case(r, &c);
            check_variants(&c);
        }
    }
}

static void computes_all_lengths(rng *r, vd_type type) {
    for (int i = 0; i < LENGTHS; i += sweep_step()) {
        matmul_case c = whole(type, 3, 19, (int32_t)block_elements(type) * length_at(i));
        if (is_quantized(type) && c.K > 32 * 67) {
            break;
        }
        fill_case(r, &c);
        check_variants(&c);
        check_definition(&c);
    }
}

// Checks rows longer than the panels of kernels.
static void computes_long_rows(rng *r, vd_type type) {
    static const int32_t Ms[] = {2, 5, 23};
    for (size_t i = 0; i < sizeof Ms / sizeof Ms[0]; i += (size_t)sweep_step()) {
        matmul_case c = whole(type, Ms[i], 35, whole_blocks(type, 2 * 2048 + 256, 2 * 1024 + 37));
        fill_case(r, &c);
        check_variants(&c);
    }
}

static void computes_all_kinds_of_values(rng *r, vd_type type) {
    for (int i = 0; i < (int)WEIGHT_BITS_COUNT * (int)FLOATS_COUNT; i += sweep_step()) {
        matmul_case c = whole(type, 7, 49, whole_blocks(type, 224, 117));
        c.bits = (weight_bits)(i / (int)FLOATS_COUNT);
        c.kind = (floats)(i % (int)FLOATS_COUNT);
        fill_case(r, &c);
        check_variants(&c);
    }
}

// Checks the largest integers of a block: activations of +-127, and weights at their limits.
static void does_not_saturate(rng *r, vd_type type) {
    for (int pattern = 0; pattern < 6; pattern++) {
        matmul_case c = whole(type, 23, 35, whole_blocks(type, 128, 128));
        c.bits = pattern < 4 ? WEIGHTS_EXTREME : pattern == 4 ? WEIGHTS_MIN : WEIGHTS_MAX;
        fill_case(r, &c);
        for (int64_t i = 0; i < (int64_t)c.M * c.K; i++) {
            int minus = pattern == 0 ? 0 : pattern == 1 ? 1 : (int)rng_below(r, 2);
            case_x[i] = minus ? -2.5f : 2.5f;
        }
        check_variants(&c);
        check_definition(&c);
    }
}

static void computes_ranges(rng *r, vd_type type) {
    for (int i = 0; i < 150; i += sweep_step()) {
        int32_t K = whole_blocks(type, (int32_t)rng_between(r, 1, 4) * 32,
                                 (int32_t)rng_between(r, 32, 159));
        matmul_case c =
            whole(type, (int32_t)rng_between(r, 1, 20), (int32_t)rng_between(r, 1, 130), K);
        c.rows.begin = rng_below(r, c.M);
        c.rows.end = rng_between(r, c.rows.begin, c.M);
        c.units.begin = rng_below(r, units_of(&c));
        c.units.end = rng_between(r, c.units.begin, units_of(&c));
        fill_case(r, &c);
        check_variants(&c);
    }
}

// Checks that a lane sum of zeros is +0. Products that underflow leave -0 in lanes, to which the
// unused lanes of the last vector may or may not be added.
static void sums_zeros_to_positive_zero(void) {
    static const int32_t Ks[] = {1, 16, 19, 40};
    for (size_t i = 0; i < sizeof Ks / sizeof Ks[0]; i++) {
        matmul_case c = whole(VD_F32, 20, 9, Ks[i]);
        float w[9 * 40], zeros[20 * 9] = {0};
        for (int32_t k = 0; k < 20 * c.K; k++) {
            case_x[k] = -0x1p-80f;
            w[k % (9 * 40)] = 0x1p-80f;
        }
        memcpy(case_weights, w, (size_t)(c.N * c.K) * sizeof *w);
        vd_matmul op = prepare_case(&c, AT_END);
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            describe_case("of products that underflow", &c);
            same_floats("y", zeros, run(isa, &op, &c, AT_END), (int64_t)c.M * c.N);
        }
        guarded_free_all();
    }
}

// Checks float weights at any address, as files have them.
static void computes_unaligned_weights(rng *r, vd_type type) {
    matmul_case c = whole(type, 5, 9, 61);
    fill_case(r, &c);
    vd_matmul op = prepare_case(&c, AT_START);
    describe_case("with unaligned weights", &c);
    const float *expected = run(VD_ISA_SCALAR, &op, &c, AT_START);
    for (size_t offset = 1; offset < 4; offset++) {
        size_t bytes = (size_t)(c.N * weights_row_bytes(type, c.K));
        unsigned char *copy = guarded_alloc(bytes + offset, AT_END);
        op.weights = memcpy(copy, case_weights, bytes);
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            same_floats("y", expected, run(isa, &op, &c, AT_END), (int64_t)c.M * c.N);
        }
    }
    guarded_free_all();
}

// Checks that results do not depend on the number of workers.
static void divides_products_among_workers(rng *r, int t) {
    vd_type type = weight_types[t];
    static const int32_t Ms[] = {1, 16, 17, 95, 97, 200};
    static const int32_t workers[] = {1, 2, 3, 5};
    for (size_t i = 0; i < sizeof Ms / sizeof Ms[0]; i++) {
        if (!watches_threads() && ((int)i + t) % sweep_step() != 0) {
            continue;
        }
        matmul_case c = whole(type, Ms[i], i % 2 == 0 ? 333 : 20, whole_blocks(type, 64, 64));
        fill_case(r, &c);
        vd_op op = {.kind = VD_OP_MATMUL, .as.matmul = prepare_case(&c, AT_END)};
        const float *expected = run(VD_ISA_SCALAR, &op.as.matmul, &c, AT_END);
        for (size_t w = 0; w < sizeof workers / sizeof workers[0]; w++) {
            for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
                if (isa != VD_ISA_SCALAR && is_skipped(&c, isa)) {
                    continue;
                }
                describe_case(vd_isa_name(isa), &c);
                op.as.matmul.y = guarded_alloc((size_t)c.M * c.N * sizeof(float), AT_END);
                run_rows(&op, isa, workers[w], c.M);
                same_floats("y", expected, op.as.matmul.y, (int64_t)c.M * c.N);
            }
        }
        guarded_free_all();
    }
}

int main(void) {
    test_begin_emulated("matmul", VD_ISA_AMX_INT8);
    rng r = {5};
    sums_zeros_to_positive_zero();
    for (int t = 0; t < WEIGHT_TYPES; t++) {
        divides_products_among_workers(&r, t);
        if (watches_threads()) {
            continue;
        }
        computes_partial_tiles(&r, weight_types[t]);
        computes_many_rows(&r, weight_types[t]);
        computes_all_lengths(&r, weight_types[t]);
        computes_long_rows(&r, weight_types[t]);
        computes_all_kinds_of_values(&r, weight_types[t]);
        computes_ranges(&r, weight_types[t]);
        if (is_quantized(weight_types[t])) {
            does_not_saturate(&r, weight_types[t]);
        } else {
            computes_unaligned_weights(&r, weight_types[t]);
        }
    }
    return 0;
}

// Fast matmul: every variant is close to double, within the error of rounding to bf16, and yields
// equal bits in a second run and for any number of workers.
#include <math.h>
#include <string.h>

#include "matmul/matmul_case.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/plans.h"
#include "support/tolerance.h"

enum { MEMORY_BYTES = VD_SCRATCH_BYTES };

static void *scratch;

static float *run_once(vd_isa isa, vd_matmul *op, const matmul_case *c, placement where) {
    vd_range outputs = {c->units.begin * unit_of(c->type), c->units.end * unit_of(c->type)};
    outputs.end = vd_min(outputs.end, c->N);
    op->y = guarded_alloc((size_t)c->M * c->N * sizeof(float), where);
    vd_matmul_fast_kernels[c->type][isa](op, c->rows, outputs, scratch);
    CHECK(held_tiles() == 0);
    return op->y;
}

// Returns activation k of row m, after quantization if the product takes quantized ones.
static double activation(const matmul_case *c, const vd_matmul *op, int64_t m, int64_t k) {
    int64_t at = m * c->K + k;
    return is_quantized(c->type) ? (double)op->xq.q[at] * (double)op->xq.scale[at / 32]
                                 : (double)op->x[at];
}

// A product in double, and how far a kernel's may be from it.
typedef struct output {
    double value, tolerance;
} output;

enum { OUTPUTS_MAX = 385 * 70 };
static output outputs[OUTPUTS_MAX];

static void expect_output(const matmul_case *c, const vd_matmul *op, int64_t m, int64_t n) {
    const unsigned char *row = case_weights + n * weights_row_bytes(c->type, c->K);
    double sum = 0, magnitude = 0, factors = 0;
    for (int64_t k = 0; k < c->K; k++) {
        double a = activation(c, op, m, k), w = weight_value(c->type, row, k);
        sum += a * w;
        magnitude += fabs(a * w);
        factors += fabs(a) + fabs(w);
    }
    outputs[m * c->N + n] = (output){sum, bf16_sum_error(c->K, magnitude, factors)};
}

// Computes the outputs of the case's ranges, which all variants share.
static void expect_outputs(const matmul_case *c, int64_t begin, int64_t end) {
    CHECK((int64_t)c->M * c->N <= OUTPUTS_MAX);
    vd_matmul op = prepare_case(c, AT_END);
    for (int64_t m = c->rows.begin; m < c->rows.end; m++) {
        for (int64_t n = begin; n < end; n++) {
            expect_output(c, &op, m, n);
        }
    }
    guarded_free_all();
}

// Returns 1 if the set has the kernel of its base.
static int is_of_base(const matmul_case *c, vd_isa isa) {
    return vd_matmul_fast_kernels[c->type][isa] ==
           vd_matmul_fast_kernels[c->type][vd_isa_base(isa)];
}

static void check_case(const matmul_case *c) {
    int64_t begin = c->units.begin * unit_of(c->type);
    int64_t end = vd_min(c->units.end * unit_of(c->type), c->N);
    int computed = 0;
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        if (vd_matmul_fast_kernels[c->type][isa] == NULL || is_of_base(c, isa) ||
            skips_case(isa, products_of(c))) {
            continue;
        }
        describe_case(vd_isa_name(isa), c);
        if (!computed) {
            expect_outputs(c, begin, end);
            computed = 1;
        }
        for (placement where = 0; where < PLACEMENTS; where++) {
            vd_matmul op = prepare_case(c, where);
            const float *y = run_once(isa, &op, c, where);
            check_untouched(c, y);
            for (int64_t m = c->rows.begin; m < c->rows.end; m++) {
                for (int64_t n = begin; n < end; n++) {
                    int64_t i = m * c->N + n;
                    near("y", i, outputs[i].value, outputs[i].tolerance, y[i]);
                }
            }
            same_floats("y again", y, run_once(isa, &op, c, where), (int64_t)c->M * c->N);
            guarded_free_all();
        }
    }
}

// Checks partial tiles and panels in every dimension.
static void computes_all_shapes(rng *r, vd_type type) {
    static const int32_t Ms[] = {1, 7, 8, 9, 16, 31, 33, 100, 385};
    static const int32_t Ns[] = {1, 15, 16, 17, 31, 32, 33, 70};
    static const int32_t Ks[] = {1, 2, 31, 32, 33, 511, 512, 513, 600, 1056};
    for (size_t i = 0; i < sizeof Ks / sizeof Ks[0]; i += (size_t)sweep_step()) {
        int32_t M = Ms[rng_below(r, sizeof Ms / sizeof Ms[0])];
        int32_t N = Ns[rng_below(r, sizeof Ns / sizeof Ns[0])];
        matmul_case c = whole(type, M, N, whole_blocks(type, Ks[i], Ks[i]));
        fill_case(r, &c);
        check_case(&c);
    }
    for (size_t i = 0; i < sizeof Ms / sizeof Ms[0]; i++) {
        matmul_case c =
            whole(type, Ms[i], Ns[i % (sizeof Ns / sizeof Ns[0])], whole_blocks(type, 256, 70));
        fill_case(r, &c);
        check_case(&c);
    }
}

static void computes_all_kinds_of_values(rng *r, vd_type type) {
    static const floats kinds[] = {ORDINARY, WIDE, TINY, ZEROS};
    for (int bits = WEIGHTS_PLAIN; bits <= WEIGHTS_MAX; bits++) {
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            matmul_case c = whole(type, 19, 35, whole_blocks(type, 256, 117));
            c.bits = (weight_bits)bits;
            c.kind = kinds[i];
            fill_case(r, &c);
            check_case(&c);
        }
    }
}

static void computes_ranges(rng *r, vd_type type) {
    for (int i = 0; i < 20; i += sweep_step()) {
        int32_t K =
            whole_blocks(type, (int32_t)rng_between(r, 1, 600), (int32_t)rng_between(r, 1, 600));
        matmul_case c =
            whole(type, (int32_t)rng_between(r, 1, 70), (int32_t)rng_between(r, 1, 90), K);
        c.rows.begin = rng_below(r, c.M);
        c.rows.end = rng_between(r, c.rows.begin, c.M);
        c.units.begin = rng_below(r, units_of(&c));
        c.units.end = rng_between(r, c.units.begin, units_of(&c));
        fill_case(r, &c);
        check_case(&c);
    }
}

// Checks that bits of a product in a plan do not depend on the number of workers. Few rows are
// computed by ordinary kernels.
static void divides_products_among_workers(rng *r, vd_type type) {
    static const int32_t Ms[] = {1, 16, 17, 100, 400};
    for (size_t i = 0; i < sizeof Ms / sizeof Ms[0]; i++) {
        matmul_case c = whole(type, Ms[i], i % 2 == 0 ? 300 : 20, whole_blocks(type, 64, 40));
        fill_case(r, &c);
        vd_op op = {.kind = VD_OP_MATMUL, .as.matmul = prepare_case(&c, AT_END)};
        op.as.matmul.fast = 1;
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            // A set that shares the kernel of its base adds nothing that is worth its emulation.
            if ((isa_is_emulated(isa) && is_of_base(&c, isa)) ||
                skips_case(isa, 4 * products_of(&c))) {
                continue;
            }
            const float *expected = NULL;
            // Sets without a fast kernel run the ordinary one, which test_matmul.c divides.
            int step = vd_matmul_fast_kernels[type][isa] == NULL ? 3 : 1;
            for (int32_t workers = 1; workers <= 4; workers += step) {
                describe_case(vd_isa_name(isa), &c);
                op.as.matmul.y = guarded_alloc((size_t)c.M * c.N * sizeof(float), AT_END);
                run_rows(&op, isa, workers, c.M);
                expected = workers == 1 ? op.as.matmul.y : expected;
                same_floats("y", expected, op.as.matmul.y, (int64_t)c.M * c.N);
            }
            CHECK(held_tiles() == 0);
        }
        guarded_free_all();
    }
}

// Checks that a NaN reaches all outputs of its row, and no others.
static void propagates_nan(rng *r, vd_type type) {
    matmul_case c = whole(type, 20, 33, whole_blocks(type, 64, 40));
    fill_case(r, &c);
    case_x[3 * c.K + 5] = NAN;
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        if (vd_matmul_fast_kernels[type][isa] == NULL) {
            continue;
        }
        describe_case(vd_isa_name(isa), &c);
        vd_matmul op = prepare_case(&c, AT_END);
        const float *y = run_once(isa, &op, &c, AT_END);
        for (int64_t i = 0; i < (int64_t)c.M * c.N; i++) {
            CHECK(isnan(y[i]) == (i / c.N == 3));
        }
        guarded_free_all();
    }
}

int main(void) {
    test_begin_emulated("matmul_fast", VD_ISA_AMX_BF16);
    CHECK(vd_alloc(MEMORY_BYTES, &scratch) == VD_OK);
    rng r = {15};
    for (int type = 0; type < VD_TYPE_SLOTS; type++) {
        int is_fast = 0;
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            is_fast |= vd_matmul_fast_kernels[type][isa] != NULL;
        }
        if (is_fast) {
            computes_all_shapes(&r, (vd_type)type);
            computes_all_kinds_of_values(&r, (vd_type)type);
            computes_ranges(&r, (vd_type)type);
            divides_products_among_workers(&r, (vd_type)type);
            propagates_nan(&r, (vd_type)type);
        }
    }
    vd_free(scratch, MEMORY_BYTES);
    return 0;
}

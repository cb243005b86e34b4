// matmul in bf16: the scalar kernel equals the definition of docs/numerics.md, every other variant
// equals the scalar one, and no sum is denormal, so that processors that flush denormals to zero
// yield equal bits.
#include <math.h>
#include <string.h>

#include "matmul/matmul.h"
#include "matmul/matmul_case.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/weights.h"
#include "types/half.h"
#if VD_X86_64
#include <immintrin.h>
#endif

enum { OUTPUTS_MAX = 600 * 70 };

static void *panels;

// Returns the operation with activations in floats, for any type.
static vd_matmul prepare(const matmul_case *c, placement where) {
    vd_matmul op = prepare_case(c, where);
    op.arithmetic = VD_ARITHMETIC_BF16;
    if (is_quantized(c->type)) {
        op.x = guarded_copy(case_x, (size_t)c->M * c->K * sizeof(float), where);
        op.xq = (vd_quantized){0};
    }
    return op;
}

static float *run(vd_isa isa, vd_matmul *op, const matmul_case *c, placement where) {
    op->y = guarded_alloc((size_t)c->M * c->N * sizeof(float), where);
    vd_matmul_bf16_kernels[c->type][isa](op, c->rows, c->units, panels);
    CHECK(held_tiles() == 0);
    return op->y;
}

// Returns 1 if the set has the kernel of its base, or is emulated and skips the case.
static int is_skipped(const matmul_case *c, vd_isa isa) {
    return vd_matmul_bf16_kernels[c->type][isa] ==
               vd_matmul_bf16_kernels[c->type][vd_isa_base(isa)] ||
           skips_case(isa, products_of(c));
}

// ---- definition --------------------------------------------------------------------------------

// Rounds to 8 significant bits, and to 0 below 2^-50.
static float bf16(double value) {
    if (!isfinite(value) || value == 0) {
        return (float)value;
    }
    double unit = ldexp(1, ilogb(value) - 7);
    double rounded = nearbyint(value / unit) * unit;
    return fabs(rounded) < 0x1p-50 ? 0.0f : (float)rounded;
}

static float require_normal(float sum) {
    CHECK(sum == 0.0f || fabsf(sum) >= 0x1p-114f || isnan(sum));
    return sum;
}

// Requires y[m][n] to be the sum of the definition, computed with its zero columns left out.
static void check_output(const matmul_case *c, int64_t m, int64_t n, float y) {
    const unsigned char *row = case_weights + n * weights_row_bytes(c->type, c->K);
    float acc = 0;
    for (int64_t block = 0; block < c->K; block += 32) {
        float chain[2] = {0, 0};
        for (int64_t k = block; k < block + 32 && k < c->K; k++) {
            // A weight is rounded to f32 before it is rounded to bf16.
            float w = bf16((double)(float)weight_value(c->type, row, k));
            float x = bf16((double)case_x[m * c->K + k]);
            chain[k % 2] = require_normal(fmaf(x, w, chain[k % 2]));
        }
        acc = require_normal(acc + require_normal(chain[0] + chain[1]));
    }
    same_floats("y", &acc, &y, 1);
}

static void check_definition(const matmul_case *c, const float *y) {
    for (int64_t m = 0; m < c->M; m++) {
        for (int64_t n = 0; n < c->N; n++) {
            check_output(c, m, n, y[m * c->N + n]);
        }
    }
}

// ---- rounding ----------------------------------------------------------------------------------

// Checks the splitting by which kernels round weights without instructions on bf16.
static void splitting_rounds_every_fraction(void) {
    describe("splitting of x");
    for (uint32_t fraction = 0; fraction < 1 << 23; fraction++) {
        uint32_t bits = 0x3f800000 | fraction;
        float x;
        memcpy(&x, &bits, sizeof x);
        float raised = x * 0x1.0001p16f;
        CHECK(raised - (raised - x) == vd_round_to_bf16(x));
    }
}

// Checks it for products of integers up to w_max with scales that are halves times integers up to
// factor_max.
static void splitting_rounds_products(int factor_max, int w_max) {
    describe("splitting of w * scale, factors to %d, integers to %d", factor_max, w_max);
    for (int half = 1024; half < 2048; half++) {
        for (int factor = 1; factor <= factor_max; factor++) {
            float scale = (float)(half * factor), raised_scale = scale * 0x1.0001p16f;
            for (int w = 1; w <= w_max; w++) {
                float raised = (float)w * raised_scale;
                float rest = fmaf((float)w, -scale, raised);
                CHECK(raised - rest == vd_round_to_bf16((float)w * scale));
            }
        }
    }
}

static void splitting_rounds_all_types(void) {
    splitting_rounds_every_fraction();
    splitting_rounds_products(128, 32);  // Q6_K
    splitting_rounds_products(32, 128);  // all others without minima
}

// ---- variants ----------------------------------------------------------------------------------

// Runs every variant at the end and at the start of pages.
static void check_case(const matmul_case *c, int defined) {
    static float expected[OUTPUTS_MAX];
    static int cases;
    placement scalar_at = (placement)(cases++ % PLACEMENTS);
    for (int i = 0; i < PLACEMENTS; i++) {
        placement where = (placement)((scalar_at + i) % PLACEMENTS);
        vd_matmul op = prepare(c, where);
        if (where == scalar_at) {
            describe_case("scalar", c);
            const float *y = run(VD_ISA_SCALAR, &op, c, where);
            check_untouched(c, y);
            CHECK((int64_t)c->M * c->N <= OUTPUTS_MAX);
            memcpy(expected, y, (size_t)c->M * c->N * sizeof *y);
            if (defined) {
                check_definition(c, y);
            }
        }
        for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            if (!is_skipped(c, isa)) {
                describe_case(vd_isa_name(isa), c);
                same_floats("y", expected, run(isa, &op, c, where), (int64_t)c->M * c->N);
            }
        }
        guarded_free_all();
    }
}

// Checks every number of rows up to 40, with all ends of outputs and columns.
static void computes_all_shapes(rng *r, vd_type type) {
    static const int32_t Ns[] = {1, 15, 16, 17, 31, 32, 33, 47, 70};
    static const int32_t Ks[] = {1, 2, 15, 31, 32, 33, 63, 96, 127, 128, 129, 160, 200};
    for (int32_t M = 1; M <= 40; M += sweep_step()) {
        int32_t N = Ns[rng_below(r, sizeof Ns / sizeof Ns[0])];
        int32_t K = Ks[rng_below(r, sizeof Ks / sizeof Ks[0])];
        matmul_case c = whole(type, M, N, whole_blocks(type, K, K));
        fill_case(r, &c);
        check_case(&c, M % 8 == 1);
    }
}

// Checks more rows and columns than panels and the memory of tokens have, for a type of each size
// of blocks.
static void computes_large_products(rng *r, vd_type type) {
    if (type != VD_F32 && type != VD_F16 && type != VD_Q4_0 && type != VD_Q4_K && type != VD_Q6_K) {
        return;
    }
    static const int32_t sizes[][3] = {{200, 33, 300}, {33, 35, 1100},  {520, 17, 70},
                                       {1, 40, 1056},  {2, 40, 1056},   {16, 70, 1056},
                                       {70, 40, 1300}, {33, 33, 12600}, {16, 5, 24700}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i += (size_t)sweep_step()) {
        matmul_case c =
            whole(type, sizes[i][0], sizes[i][1], whole_blocks(type, sizes[i][2], sizes[i][2]));
        fill_case(r, &c);
        check_case(&c, 0);
    }
}

static void computes_all_kinds_of_values(rng *r, vd_type type) {
    static const floats kinds[] = {ORDINARY, WIDE, TINY, ZEROS};
    enum { KINDS = sizeof kinds / sizeof kinds[0] };
    for (int i = 0; i < KINDS * ((int)WEIGHTS_ANY_HALF + 1); i += sweep_step()) {
        matmul_case c = whole(type, i % 2 == 0 ? 1 : 19, 35, whole_blocks(type, 256, 117));
        c.bits = (weight_bits)(i / KINDS);
        c.kind = kinds[i % KINDS];
        fill_case(r, &c);
        check_case(&c, 1);
    }
}

// Fills with magnitudes around 2^-50. Their products are the smallest.
static void fill_near_threshold(rng *r, float *values, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        int sign = rng_below(r, 2) ? 1 : -1;
        values[i] = (float)sign * ldexpf(rng_uniform(r, 0.5f, 1.0f), -(int)rng_between(r, 46, 51));
    }
    values[0] = 0x1.fep-51f;
    values[n - 1] = 0x1.ffp-51f;  // rounds to 2^-50
}

static void flushes_small_values(rng *r) {
    static const int32_t Ms[] = {1, 5, 33};
    for (size_t i = 0; i < sizeof Ms / sizeof Ms[0]; i++) {
        matmul_case c = whole(VD_F32, Ms[i], 20, 77);
        fill_case(r, &c);
        fill_near_threshold(r, case_x, (int64_t)c.M * c.K);
        static float w[20 * 77];
        fill_near_threshold(r, w, (int64_t)c.N * c.K);
        memcpy(case_weights, w, sizeof w);
        check_case(&c, 1);
        for (int32_t k = 0; k < c.K; k++) {  // sums that cancel
            case_x[k] = k % 4 < 2 ? 0x1p-50f : -0x1p-50f;
        }
        check_case(&c, 1);
    }
}

// Checks that processors which flush denormals to zero yield the same bits.
static void does_not_depend_on_flushing(rng *r, vd_type type) {
#if VD_X86_64
    static float expected[19 * 35];
    matmul_case c = whole(type, 19, 35, whole_blocks(type, 256, 117));
    c.kind = TINY;
    for (int bits = 0; bits < 2; bits++) {
        c.bits = bits ? WEIGHTS_ANY_HALF : WEIGHTS_PLAIN;
        fill_case(r, &c);
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            if (isa_is_emulated(isa)) {
                continue;
            }
            describe_case("without denormals", &c);
            vd_matmul op = prepare(&c, AT_END);
            memcpy(expected, run(isa, &op, &c, AT_END), sizeof expected);
            uint32_t before = _mm_getcsr();
            _mm_setcsr(before | 0x8040);
            const float *y = run(isa, &op, &c, AT_END);
            _mm_setcsr(before);
            same_floats("y", expected, y, 19 * 35);
            guarded_free_all();
        }
    }
#else
    (void)r;
    (void)type;
#endif
}

static void computes_ranges(rng *r, vd_type type) {
    for (int i = 0; i < 40; i += sweep_step()) {
        int32_t K =
            whole_blocks(type, (int32_t)rng_between(r, 1, 300), (int32_t)rng_between(r, 1, 300));
        matmul_case c =
            whole(type, (int32_t)rng_between(r, 1, 50), (int32_t)rng_between(r, 1, 90), K);
        c.rows.begin = rng_below(r, c.M);
        c.rows.end = rng_between(r, c.rows.begin, c.M);
        c.units.begin = rng_below(r, units_of(&c));
        c.units.end = rng_between(r, c.units.begin, units_of(&c));
        fill_case(r, &c);
        check_case(&c, 0);
    }
}

static void divides_products_among_workers(rng *r, int t) {
    vd_type type = weight_types[t];
    static const int32_t Ms[] = {1, 16, 17, 100, 400};
    for (size_t i = 0; i < sizeof Ms / sizeof Ms[0]; i++) {
        if (!watches_threads() && ((int)i + t) % sweep_step() != 0) {
            continue;
        }
        matmul_case c = whole(type, Ms[i], i % 2 == 0 ? 100 : 20, whole_blocks(type, 64, 40));
        fill_case(r, &c);
        vd_op op = {.kind = VD_OP_MATMUL, .as.matmul = prepare(&c, AT_END)};
        const float *expected = run(VD_ISA_SCALAR, &op.as.matmul, &c, AT_END);
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            if (isa != VD_ISA_SCALAR && is_skipped(&c, isa)) {
                continue;
            }
            for (int32_t workers = 1; workers <= 3; workers++) {
                describe_case(vd_isa_name(isa), &c);
                op.as.matmul.y = guarded_alloc((size_t)c.M * c.N * sizeof(float), AT_END);
                run_rows(&op, isa, workers, c.M);
                same_floats("y", expected, op.as.matmul.y, (int64_t)c.M * c.N);
            }
            CHECK(held_tiles() == 0);
        }
        guarded_free_all();
    }
}

// Checks weights in the layout of the file.
static void packs_while_multiplying(rng *r, vd_type type) {
    matmul_case c = whole(type, 21, 70, whole_blocks(type, 64, 64));
    fill_case(r, &c);
    vd_op op = {.kind = VD_OP_MATMUL, .as.matmul = prepare(&c, AT_END)};
    const float *expected = run(VD_ISA_SCALAR, &op.as.matmul, &c, AT_END);
    op.as.matmul.weights =
        guarded_copy(case_weights, (size_t)(c.N * weights_row_bytes(type, c.K)), AT_END);
    op.as.matmul.unpacked = 1;
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        if (isa_is_emulated(isa)) {
            continue;
        }
        describe_case("unpacked", &c);
        op.as.matmul.y = guarded_alloc((size_t)c.M * c.N * sizeof(float), AT_END);
        run_rows(&op, isa, 2, c.M);
        same_floats("y", expected, op.as.matmul.y, (int64_t)c.M * c.N);
    }
    guarded_free_all();
}

// Checks that a NaN reaches all outputs of its row, and no others, and that one in the weights
// reaches all outputs of its column.
static void propagates_nan(rng *r, vd_type type) {
    static const int32_t Ms[] = {4, 20};
    for (int i = 0; i < 2; i++) {
        matmul_case c = whole(type, Ms[i], 33, whole_blocks(type, 64, 40));
        fill_case(r, &c);
        uint32_t all_ones = 0x7fffffff;
        memcpy(&case_x[3 * c.K + 5], &all_ones, sizeof all_ones);
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            describe_case(vd_isa_name(isa), &c);
            vd_matmul op = prepare(&c, AT_END);
            const float *y = run(isa, &op, &c, AT_END);
            for (int64_t j = 0; j < (int64_t)c.M * c.N; j++) {
                CHECK(isnan(y[j]) == (j / c.N == 3));
            }
            guarded_free_all();
        }
    }
}

int main(void) {
    test_begin_emulated("matmul_bf16", VD_ISA_AMX_BF16);
    CHECK(vd_alloc(VD_PANEL_BYTES, &panels) == VD_OK);
    rng r = {15};
    splitting_rounds_all_types();
    flushes_small_values(&r);
    for (int t = 0; t < WEIGHT_TYPES; t++) {
        vd_type type = weight_types[t];
        divides_products_among_workers(&r, t);
        if (watches_threads()) {
            continue;
        }
        computes_all_shapes(&r, type);
        computes_large_products(&r, type);
        computes_all_kinds_of_values(&r, type);
        does_not_depend_on_flushing(&r, type);
        computes_ranges(&r, type);
        propagates_nan(&r, type);
        if (is_quantized(type)) {
            packs_while_multiplying(&r, type);
        }
    }
    vd_free(panels, VD_PANEL_BYTES);
    return 0;
}

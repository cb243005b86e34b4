// matmul: every variant against the scalar one, that against docs/numerics.md in double, and the
// division among workers against one call for all.
#include "matmul/matmul.h"

#include <math.h>
#include <string.h>

#include "quantize/quantize.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/tolerance.h"
#include "support/weights.h"

enum { ELEMENTS_MAX = 1 << 18, WEIGHT_BYTES_MAX = 1 << 20 };

static const vd_type types[] = {VD_F32,  VD_F16,  VD_BF16, VD_Q4_0,   VD_Q4_1,
                                VD_Q5_0, VD_Q5_1, VD_Q8_0, VD_Q2_K,   VD_Q3_K,
                                VD_Q4_K, VD_Q5_K, VD_Q6_K, VD_IQ4_NL, VD_MXFP4};

typedef struct matmul_case {
    vd_type type;
    int32_t M, N, K;
    vd_range rows, units;
    weight_bits bits;
    floats kind;
} matmul_case;

static float x[ELEMENTS_MAX];
static unsigned char weights[WEIGHT_BYTES_MAX];

static int64_t unit_of(vd_type type) { return is_quantized(type) ? 16 : 1; }

// K of at least `quantized` for types in blocks, else `other`.
static int32_t whole_blocks(vd_type type, int32_t quantized, int32_t other) {
    int32_t block = (int32_t)block_elements(type);
    return is_quantized(type) ? (quantized + block - 1) / block * block : other;
}

static int64_t units_of(const matmul_case *c) {
    return (c->N + unit_of(c->type) - 1) / unit_of(c->type);
}

static void describe_case(const char *what, const matmul_case *c) {
    describe("matmul %s %s, M %d, N %d, K %d, rows [%lld,%lld), units [%lld,%lld), bits %d, x %s",
             type_name(c->type), what, c->M, c->N, c->K, (long long)c->rows.begin,
             (long long)c->rows.end, (long long)c->units.begin, (long long)c->units.end, c->bits,
             floats_name(c->kind));
}

static void fill(rng *r, const matmul_case *c) {
    CHECK((int64_t)c->M * c->K <= ELEMENTS_MAX);
    CHECK(c->N * weights_row_bytes(c->type, c->K) <= WEIGHT_BYTES_MAX);
    rng_fill(r, c->kind, x, (int64_t)c->M * c->K);
    random_weights(r, c->type, c->bits, c->N, c->K, weights);
}

static vd_quantized quantized(const float *values, int64_t n, placement where) {
    size_t blocks = (size_t)n / 32;
    vd_quantized y = {
        .q = guarded_alloc(blocks * 32, where),
        .scale = guarded_alloc(blocks * 4, where),
        .sum = guarded_alloc(blocks * 8, where),
        .scaled_sum = guarded_alloc(blocks * 4, where),
    };
    vd_quantize_scalar(values, y, (vd_range){0, (int64_t)blocks});
    return y;
}

static const void *packed(const matmul_case *c, placement where) {
    int64_t bytes;
    CHECK(vd_packed_bytes(c->type, c->N, c->K, &bytes) == VD_OK);
    void *memory = guarded_alloc((size_t)bytes, where);
    CHECK(vd_pack(c->type, c->N, c->K, weights, memory, 0, units_of(c)) == VD_OK);
    return memory;
}

// The operation of a case with its buffers in guarded memory.
static vd_matmul prepare(const matmul_case *c, placement where) {
    size_t x_bytes = (size_t)c->M * c->K * sizeof(float);
    size_t weight_bytes = (size_t)(c->N * weights_row_bytes(c->type, c->K));
    vd_matmul op = {.type = c->type, .N = c->N, .K = c->K};
    if (is_quantized(c->type)) {
        op.weights = packed(c, where);
        op.xq = quantized(x, (int64_t)c->M * c->K, where);
    } else {
        op.weights = guarded_copy(weights, weight_bytes, where);
        op.x = guarded_copy(x, x_bytes, where);
    }
    return op;
}

static float *run(vd_isa isa, vd_matmul *op, const matmul_case *c, placement where) {
    op->y = guarded_alloc((size_t)c->M * c->N * sizeof(float), where);
    vd_matmul_kernels[c->type][isa](op, c->rows, c->units);
    return op->y;
}

static void check_untouched(const matmul_case *c, const float *y) {
    int64_t begin = c->units.begin * unit_of(c->type), end = c->units.end * unit_of(c->type);
    begin = begin < c->N ? begin : c->N;
    end = end < c->N ? end : c->N;
    for (int64_t m = 0; m < c->M; m++) {
        int inside = m >= c->rows.begin && m < c->rows.end;
        const float *row = y + m * c->N;
        untouched("outputs before the range", row, (inside ? begin : c->N) * 4);
        untouched("outputs after the range", row + end, inside ? (c->N - end) * 4 : 0);
    }
}

// Emulated, AVX-VNNI traps for every 32 products, and runs one case of five.
static int is_left_out(vd_isa isa) {
    static int cases;
    return isa == VD_ISA_AVX_VNNI && isa_emulated(isa) && cases++ % 5 != 0;
}

static void check_variants(const matmul_case *c) {
    for (placement where = 0; where < PLACEMENTS; where++) {
        vd_matmul op = prepare(c, where);
        describe_case("scalar", c);
        const float *expected = run(VD_ISA_SCALAR, &op, c, where);
        check_untouched(c, expected);
        for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            if (is_left_out(isa)) {
                continue;
            }
            describe_case(vd_isa_name(isa), c);
            same_floats("y", expected, run(isa, &op, c, where), (int64_t)c->M * c->N);
        }
        guarded_free_all();
    }
}

// A float product is a lane sum of K terms.
static void check_float_output(const matmul_case *c, int64_t m, int64_t n, float y) {
    const unsigned char *row = weights + n * weights_row_bytes(c->type, c->K);
    double sum = 0, magnitude = 0;
    for (int64_t k = 0; k < c->K; k++) {
        double term = (double)x[m * c->K + k] * weight_value(c->type, row, k);
        sum += term;
        magnitude += fabs(term);
    }
    double tolerance = roundings(lane_sum_depth(c->K)) * magnitude + underflows(c->K);
    near("y", m * c->N + n, sum, tolerance, y);
}

// A sub-block of a quantized product is an exact integer times a rounded product of scales; the
// sub-blocks' fmas follow each other, two each where there are minima. No scale is so small that
// its product underflows.
static void check_quantized_output(const matmul_case *c, const vd_quantized *xq, int64_t m,
                                   int64_t n, float y) {
    const unsigned char *row = weights + n * weights_row_bytes(c->type, c->K);
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
    vd_matmul op = prepare(c, AT_END);
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

static matmul_case whole(vd_type type, int32_t M, int32_t N, int32_t K) {
    matmul_case c = {.type = type, .M = M, .N = N, .K = K};
    c.rows = (vd_range){0, M};
    c.units = (vd_range){0, units_of(&c)};
    return c;
}

// Every way for the tiles to end, in rows and in outputs.
static void check_tiles(rng *r, vd_type type) {
    static const int32_t Ns[] = {1, 2, 3, 4, 5, 8, 15, 16, 17, 32, 33, 47, 64, 65};
    for (int32_t M = 1; M <= 15; M += sweep_step()) {
        for (size_t i = 0; i < sizeof Ns / sizeof Ns[0]; i++) {
            matmul_case c = whole(type, M < 15 ? M : 100, Ns[i], whole_blocks(type, 64, 35));
            fill(r, &c);
            check_variants(&c);
        }
    }
}

// Products of many rows, whose kernels may divide K, rows and outputs in their own ways.
static void check_many_rows(rng *r, vd_type type) {
    static const int32_t Ms[] = {16, 17, 31, 32, 48};
    static const int32_t Ns[] = {16, 60, 64, 83};
    static const int32_t lengths[] = {1, 2, 3, 4, 5, 8, 15, 16, 17, 18, 32, 45};
    for (size_t i = 0; i < sizeof Ms / sizeof Ms[0]; i += (size_t)sweep_step()) {
        for (size_t j = 0; j < sizeof lengths / sizeof lengths[0]; j++) {
            int32_t N = Ns[(i + j) % (sizeof Ns / sizeof Ns[0])];
            matmul_case c =
                whole(type, Ms[i], N, whole_blocks(type, 32 * lengths[j], 7 * lengths[j]));
            c.bits = (weight_bits)rng_below(r, WEIGHT_BITS_COUNT);
            c.kind = (floats)rng_below(r, FLOATS_COUNT);
            fill(r, &c);
            check_variants(&c);
        }
    }
}

static void check_lengths(rng *r, vd_type type) {
    for (int i = 0; i < LENGTHS; i += sweep_step()) {
        matmul_case c = whole(type, 3, 19, (int32_t)block_elements(type) * length_at(i));
        if (is_quantized(type) && c.K > 32 * 67) {
            break;
        }
        fill(r, &c);
        check_variants(&c);
        check_definition(&c);
    }
}

static void check_values(rng *r, vd_type type) {
    for (int bits = 0; bits < WEIGHT_BITS_COUNT; bits++) {
        for (floats kind = 0; kind < FLOATS_COUNT; kind++) {
            matmul_case c = whole(type, 7, 49, whole_blocks(type, 224, 117));
            c.bits = (weight_bits)bits;
            c.kind = kind;
            fill(r, &c);
            check_variants(&c);
        }
    }
}

// The largest integers that a block can make: activations of +-127, weights at their ends.
static void check_saturation(rng *r, vd_type type) {
    for (int pattern = 0; pattern < 6; pattern++) {
        matmul_case c = whole(type, 23, 35, whole_blocks(type, 128, 128));
        c.bits = pattern < 4 ? WEIGHTS_EXTREME : pattern == 4 ? WEIGHTS_LEAST : WEIGHTS_GREATEST;
        fill(r, &c);
        for (int64_t i = 0; i < (int64_t)c.M * c.K; i++) {
            int minus = pattern == 0 ? 0 : pattern == 1 ? 1 : (int)rng_below(r, 2);
            x[i] = minus ? -2.5f : 2.5f;
        }
        check_variants(&c);
        check_definition(&c);
    }
}

static void check_ranges(rng *r, vd_type type) {
    for (int i = 0; i < 150; i += sweep_step()) {
        int32_t K = whole_blocks(type, (int32_t)rng_between(r, 1, 4) * 32,
                                 (int32_t)rng_between(r, 32, 159));
        matmul_case c =
            whole(type, (int32_t)rng_between(r, 1, 20), (int32_t)rng_between(r, 1, 130), K);
        c.rows.begin = rng_below(r, c.M);
        c.rows.end = rng_between(r, c.rows.begin, c.M);
        c.units.begin = rng_below(r, units_of(&c));
        c.units.end = rng_between(r, c.units.begin, units_of(&c));
        fill(r, &c);
        check_variants(&c);
    }
}

// F32 and F16 weights stand in a file wherever the file has them.
static void check_unaligned(rng *r, vd_type type) {
    matmul_case c = whole(type, 5, 9, 61);
    fill(r, &c);
    vd_matmul op = prepare(&c, AT_START);
    describe_case("with unaligned weights", &c);
    const float *expected = run(VD_ISA_SCALAR, &op, &c, AT_START);
    for (size_t offset = 1; offset < 4; offset++) {
        size_t bytes = (size_t)(c.N * weights_row_bytes(type, c.K));
        unsigned char *copy = guarded_alloc(bytes + offset, AT_END);
        op.weights = memcpy(copy, weights, bytes);
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            same_floats("y", expected, run(isa, &op, &c, AT_END), (int64_t)c.M * c.N);
        }
    }
    guarded_free_all();
}

// However many workers share a product, each output is made once.
static void check_workers(rng *r, vd_type type) {
    static const int32_t Ms[] = {1, 16, 17, 95, 97, 200};
    static const int32_t workers[] = {1, 2, 3, 5};
    for (size_t i = 0; i < sizeof Ms / sizeof Ms[0]; i++) {
        matmul_case c = whole(type, Ms[i], i % 2 == 0 ? 333 : 20, whole_blocks(type, 64, 64));
        fill(r, &c);
        vd_op op = {.kind = VD_OP_MATMUL, .as.matmul = prepare(&c, AT_END)};
        const float *expected = run(VD_ISA_SCALAR, &op.as.matmul, &c, AT_END);
        for (size_t w = 0; w < sizeof workers / sizeof workers[0]; w++) {
            for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
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
    test_begin_emulated("matmul");
    rng r = {5};
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        check_tiles(&r, types[t]);
        check_many_rows(&r, types[t]);
        check_lengths(&r, types[t]);
        check_values(&r, types[t]);
        check_ranges(&r, types[t]);
        check_workers(&r, types[t]);
        if (is_quantized(types[t])) {
            check_saturation(&r, types[t]);
        } else {
            check_unaligned(&r, types[t]);
        }
    }
    return 0;
}

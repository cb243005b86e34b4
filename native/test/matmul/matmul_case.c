#include "matmul/matmul_case.h"

#include "quantize/quantize.h"
#include "support/check.h"
#include "support/compare.h"

float case_x[ELEMENTS_MAX];
unsigned char case_weights[WEIGHT_BYTES_MAX];

int64_t unit_of(vd_type type) { return is_quantized(type) ? 16 : 1; }

int32_t whole_blocks(vd_type type, int32_t quantized, int32_t other) {
    int32_t block = (int32_t)block_elements(type);
    return is_quantized(type) ? (quantized + block - 1) / block * block : other;
}

int64_t units_of(const matmul_case *c) { return (c->N + unit_of(c->type) - 1) / unit_of(c->type); }

int64_t products_of(const matmul_case *c) { return (int64_t)c->M * c->N * c->K; }

void describe_case(const char *variant, const matmul_case *c) {
    describe("matmul %s %s, M %d, N %d, K %d, rows [%lld,%lld), units [%lld,%lld), bits %d, x %s",
             type_name(c->type), variant, c->M, c->N, c->K, (long long)c->rows.begin,
             (long long)c->rows.end, (long long)c->units.begin, (long long)c->units.end, c->bits,
             floats_name(c->kind));
}

void fill_case(rng *r, const matmul_case *c) {
    CHECK((int64_t)c->M * c->K <= ELEMENTS_MAX);
    CHECK(c->N * weights_row_bytes(c->type, c->K) <= WEIGHT_BYTES_MAX);
    rng_fill(r, c->kind, case_x, (int64_t)c->M * c->K);
    random_weights(r, c->type, c->bits, c->N, c->K, case_weights);
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
    CHECK(vd_pack(NULL, c->type, c->N, c->K, case_weights, memory, 0, units_of(c)) == VD_OK);
    return memory;
}

vd_matmul prepare_case(const matmul_case *c, placement where) {
    size_t x_bytes = (size_t)c->M * c->K * sizeof(float);
    size_t weight_bytes = (size_t)(c->N * weights_row_bytes(c->type, c->K));
    vd_matmul op = {.type = c->type, .N = c->N, .K = c->K};
    if (is_quantized(c->type)) {
        op.weights = packed(c, where);
        op.xq = quantized(case_x, (int64_t)c->M * c->K, where);
    } else {
        op.weights = guarded_copy(case_weights, weight_bytes, where);
        op.x = guarded_copy(case_x, x_bytes, where);
    }
    return op;
}

matmul_case whole(vd_type type, int32_t M, int32_t N, int32_t K) {
    matmul_case c = {.type = type, .M = M, .N = N, .K = K};
    c.rows = (vd_range){0, M};
    c.units = (vd_range){0, units_of(&c)};
    return c;
}

void check_untouched(const matmul_case *c, const float *y) {
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

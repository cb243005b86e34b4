// expert_matmul: each slot equals the scalar product of its row alone with its expert's matrix plus
// the expert's bias, for every instruction set and number of workers.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "matmul/matmul.h"
#include "quantize/quantize.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/weights.h"
#include "types/types.h"

enum { E_MAX = 40 };

typedef struct expert_case {
    vd_type type;
    int32_t rows, E, k, N, K, shared, biased;
    vd_arithmetic arithmetic;
} expert_case;

static const void *matrix(rng *r, const expert_case *c) {
    size_t bytes = (size_t)(c->N * weights_row_bytes(c->type, c->K));
    void *source = guarded_alloc(bytes, AT_END);
    random_weights(r, c->type, WEIGHTS_PLAIN, c->N, c->K, source);
    if (!is_quantized(c->type)) {
        return source;
    }
    int64_t packed_bytes;
    CHECK(vd_packed_bytes(c->type, c->N, c->K, &packed_bytes) == VD_OK);
    void *packed = guarded_alloc((size_t)packed_bytes, AT_END);
    CHECK(vd_pack(NULL, c->type, c->N, c->K, source, packed, 0, (c->N + 15) / 16) == VD_OK);
    return packed;
}

// Returns experts of slots. The slots of a token have different experts; in a third of the cases
// all tokens have the same ones. Some slots have no valid expert, as edits may cause.
static float *random_experts(rng *r, const expert_case *c) {
    float *experts = guarded_alloc((size_t)(c->rows * c->k) * 4, AT_END);
    int same = rng_below(r, 3) == 0;
    for (int32_t row = 0; row < c->rows; row++) {
        int32_t first = same ? 1 : (int32_t)rng_below(r, c->E);
        for (int32_t slot = 0; slot < c->k; slot++) {
            float edited[] = {-1.0f, 0.5f, (float)c->E, NAN};
            int64_t which = rng_below(r, 40);
            experts[row * c->k + slot] =
                which < 4 ? edited[which] : (float)((first + 2 * slot) % c->E);
        }
    }
    return experts;
}

static vd_quantized quantized(const float *x, int64_t rows, int64_t K) {
    int64_t blocks = rows * K / 32;
    vd_quantized y = {.q = guarded_alloc((size_t)(rows * K), AT_END),
                      .scale = guarded_alloc((size_t)blocks * 4, AT_END),
                      .sum = guarded_alloc((size_t)blocks * 8, AT_END),
                      .scaled_sum = guarded_alloc((size_t)blocks * 4, AT_END)};
    vd_quantize_scalar(x, y, (vd_range){0, blocks});
    return y;
}

static int has_expert(const vd_expert_matmul *m, int64_t slot) {
    float expert = m->experts[slot];
    return expert >= 0 && expert < (float)m->E && expert == floorf(expert);
}

// Computes one slot by the kernel of matmul and adds the bias.
static void run_slot(const vd_expert_matmul *m, int64_t slot, float *y) {
    if (!has_expert(m, slot)) {
        memset(y, 0, (size_t)m->N * sizeof *y);
        return;
    }
    int64_t row = m->shared ? slot / m->k : slot;
    int64_t at = row * m->K;
    vd_matmul product = {.weights = m->matrices[(int32_t)m->experts[slot]],
                         .x = m->x + at,
                         .y = y,
                         .type = m->type,
                         .N = m->N,
                         .K = m->K,
                         .arithmetic = m->arithmetic};
    if (is_quantized((vd_type)m->type)) {
        product.xq = (vd_quantized){m->xq.q + at, m->xq.scale + at / 32, m->xq.sum + at / 16,
                                    m->xq.scaled_sum + at / 32};
    }
    int64_t unit = vd_matmul_unit(m->type);
    vd_matmul_units(&product, VD_ISA_SCALAR, (vd_range){0, 1},
                    (vd_range){0, (m->N + unit - 1) / unit}, NULL);
    for (int32_t n = 0; n < m->N && m->bias != NULL; n++) {
        y[n] += m->bias[(int32_t)m->experts[slot] * m->N + n];
    }
}

static void check_case(rng *r, const expert_case *c) {
    const void *matrices[E_MAX];
    for (int32_t e = 0; e < c->E; e++) {
        matrices[e] = matrix(r, c);
    }
    int64_t x_rows = c->shared ? c->rows : (int64_t)c->rows * c->k, slots = (int64_t)c->rows * c->k;
    float *x = guarded_alloc((size_t)(x_rows * c->K) * 4, AT_END);
    rng_fill(r, ORDINARY, x, x_rows * c->K);
    vd_expert_matmul m = {.matrices = matrices,
                          .experts = random_experts(r, c),
                          .x = x,
                          .type = c->type,
                          .E = c->E,
                          .k = c->k,
                          .N = c->N,
                          .K = c->K,
                          .shared = c->shared,
                          .arithmetic = c->arithmetic};
    if (is_quantized(c->type)) {
        m.xq = quantized(x, x_rows, c->K);
    }
    if (c->biased) {
        float *bias = guarded_alloc((size_t)(c->E * c->N) * 4, AT_END);
        rng_fill(r, ORDINARY, bias, c->E * c->N);
        m.bias = bias;
    }
    float *expected = guarded_alloc((size_t)(slots * c->N) * 4, AT_END);
    for (int64_t slot = 0; slot < slots; slot++) {
        run_slot(&m, slot, expected + slot * c->N);
    }
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        for (int32_t workers = 1; workers <= 3; workers++) {
            describe(
                "expert_matmul %s, %s, arithmetic %d, %d rows, %d of %d experts, N %d, K %d, "
                "bias %d, %d workers",
                vd_isa_name(isa), type_name(c->type), (int)c->arithmetic, c->rows, c->k, c->E, c->N,
                c->K, c->biased, workers);
            m.y = guarded_alloc((size_t)(slots * c->N) * 4, AT_END);
            vd_op op = {.kind = VD_OP_EXPERT_MATMUL, .as.expert_matmul = m};
            run_rows(&op, isa, workers, c->rows);
            same_floats("y", expected, m.y, slots * c->N);
        }
    }
    guarded_free_all();
}

int main(void) {
    test_begin("expert_matmul");
    rng r = {33};
    for (int t = 0; t < WEIGHT_TYPES; t++) {
        int32_t K = is_quantized(weight_types[t]) ? (int32_t)block_elements(weight_types[t]) : 19;
        expert_case cases[] = {{weight_types[t], 1, 8, 2, 70, 2 * K, 1, 1, VD_ARITHMETIC_INT8},
                               {weight_types[t], 5, 9, 3, 33, K, 0, 0, VD_ARITHMETIC_INT8},
                               {weight_types[t], 40, 2, 1, 16, K, 1, 1, VD_ARITHMETIC_INT8},
                               {weight_types[t], 40, 2, 1, 33, K, 1, 1, VD_ARITHMETIC_BF16}};
        for (int i = 0; i < 4; i++) {
            check_case(&r, &cases[i]);
        }
    }
    // More rows of an expert than a tile has, rows so long that few fit into a tile, and more slots
    // than are listed at a time.
    check_case(&r, &(expert_case){VD_Q8_0, 230, 3, 2, 64, 64, 0, 1, VD_ARITHMETIC_INT8});
    check_case(&r, &(expert_case){VD_F32, 12, 2, 2, 5, 32768, 1, 1, VD_ARITHMETIC_INT8});
    check_case(&r, &(expert_case){VD_F32, 450, 40, 40, 3, 2, 1, 1, VD_ARITHMETIC_INT8});
    return 0;
}

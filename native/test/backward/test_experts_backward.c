// Gradients of a mixture of experts: sums and routes are close to differences; products of slots
// equal those of one row, bit for bit.
#include <math.h>
#include <string.h>

#include "backward/backward.h"
#include "differences.h"
#include "matmul/matmul_case.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/isas.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/tolerance.h"

enum { ROWS = 11, E = 5, K_MAX = 3, N = 37 };

// ---- sums -------------------------------------------------------------------------------------

static float x[ROWS * K_MAX * LONGEST], weights[ROWS * K_MAX], dy[ROWS * LONGEST];

static vd_expert_sum_backward run_sum(vd_isa isa, int32_t k, int32_t d, placement where) {
    size_t slots = (size_t)ROWS * k;
    vd_op op = {.kind = VD_OP_EXPERT_SUM_BACKWARD,
                .as.expert_sum_backward = {.x = guarded_copy(x, slots * d * 4, where),
                                           .weights = guarded_copy(weights, slots * 4, where),
                                           .dy = guarded_copy(dy, (size_t)ROWS * d * 4, where),
                                           .dx = guarded_alloc(slots * d * 4, where),
                                           .dweights = guarded_alloc(slots * 4, where),
                                           .k = k,
                                           .d = d}};
    run_rows(&op, isa, 2, ROWS);
    return op.as.expert_sum_backward;
}

// Checks the gradients by definition: y is linear in x and in the weights, so that its derivatives
// are single products and dot products.
static void check_sum_definition(const vd_expert_sum_backward *s) {
    for (int64_t slot = 0; slot < (int64_t)ROWS * s->k; slot++) {
        double sum = 0, magnitude = 0;
        for (int64_t i = 0; i < s->d; i++) {
            double g = (double)dy[slot / s->k * s->d + i];
            double term = g * (double)x[slot * s->d + i], product = g * (double)weights[slot];
            sum += term;
            magnitude += fabs(term);
            near("dx", slot * s->d + i, product, roundings(1) * fabs(product) + underflows(1),
                 s->dx[slot * s->d + i]);
        }
        double tolerance = roundings(lane_sum_depth(s->d)) * magnitude + underflows(s->d);
        near("dweights", slot, sum, tolerance, s->dweights[slot]);
    }
}

static void sums_match_definition(rng *r, int32_t d, floats kind) {
    int32_t k = (int32_t)rng_between(r, 1, K_MAX);
    rng_fill(r, kind, x, (int64_t)ROWS * k * d);
    rng_fill(r, kind, weights, (int64_t)ROWS * k);
    rng_fill(r, kind, dy, (int64_t)ROWS * d);
    for (placement where = 0; where < PLACEMENTS; where++) {
        describe("expert_sum backward scalar, k %d, d %d, %s", k, d, floats_name(kind));
        vd_expert_sum_backward expected = run_sum(VD_ISA_SCALAR, k, d, where);
        if (kind == ORDINARY) {
            check_sum_definition(&expected);
        }
        for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            describe("expert_sum backward %s, k %d, d %d, %s", vd_isa_name(isa), k, d,
                     floats_name(kind));
            vd_expert_sum_backward actual = run_sum(isa, k, d, where);
            same_floats("dx", expected.dx, actual.dx, (int64_t)ROWS * k * d);
            same_floats("dweights", expected.dweights, actual.dweights, (int64_t)ROWS * k);
        }
        guarded_free_all();
    }
}

static void sums_slots(rng *r, int32_t d) {
    int32_t k = (int32_t)rng_between(r, 1, K_MAX);
    describe("slot_sum, k %d, d %d", k, d);
    rng_fill(r, WIDE, x, (int64_t)ROWS * k * d);
    vd_op op = {.kind = VD_OP_SLOT_SUM,
                .as.slot_sum = {.x = guarded_copy(x, (size_t)ROWS * k * d * 4, AT_END),
                                .y = guarded_alloc((size_t)ROWS * d * 4, AT_END),
                                .k = k,
                                .d = d}};
    run_rows(&op, VD_ISA_SCALAR, 3, ROWS);
    for (int64_t i = 0; i < (int64_t)ROWS * d; i++) {
        float sum = x[i / d * k * d + i % d];
        for (int32_t slot = 1; slot < k; slot++) {
            sum += x[(i / d * k + slot) * d + i % d];
        }
        same_floats("y", &sum, op.as.slot_sum.y + i, 1);
    }
    guarded_free_all();
}

// ---- products ---------------------------------------------------------------------------------

// Enough rows that one expert gets more slots than a tile has.
enum { MANY_ROWS = 250 };

static void slots_equal_single_rows(rng *r, vd_type type, vd_isa isa, int32_t workers) {
    int32_t k = 2, K = whole_blocks(type, 64, 45);
    int64_t slots = (int64_t)MANY_ROWS * k;
    const void *matrices[E];
    matmul_case c = whole(type, 1, N, K);
    for (int32_t e = 0; e < E; e++) {
        fill_case(r, &c);
        matrices[e] = prepare_case(&c, AT_END).weights;
    }
    float *experts = guarded_alloc((size_t)slots * 4, AT_END);
    float *gradients = guarded_alloc((size_t)(slots * N) * 4, AT_END);
    for (int64_t slot = 0; slot < slots; slot++) {
        experts[slot] = rng_below(r, 2) == 0 ? 3.0f : (float)rng_below(r, E - 1);
    }
    rng_fill(r, ORDINARY, gradients, slots * N);
    float *dx = guarded_alloc((size_t)(slots * K) * 4, AT_END);
    vd_op op = {
        .kind = VD_OP_EXPERT_MATMUL_BACKWARD,
        .as.expert_matmul_backward = {matrices, experts, gradients, dx, type, E, k, N, K, 0}};
    run_rows(&op, isa, workers, MANY_ROWS);
    float *one = guarded_alloc((size_t)K * 4, AT_END);
    for (int64_t slot = 0; slot < slots; slot += 3) {
        describe("expert_matmul backward %s %s, %d workers, slot %lld", type_name(type),
                 vd_isa_name(isa), workers, (long long)slot);
        vd_op row = {.kind = VD_OP_MATMUL_BACKWARD,
                     .as.matmul_backward = {.weights = matrices[(int)experts[slot]],
                                            .dy = gradients + slot * N,
                                            .dx = one,
                                            .type = type,
                                            .N = N,
                                            .K = K}};
        run_rows(&row, VD_ISA_SCALAR, 1, 1);
        same_floats("dx", one, dx + slot * K, K);
    }
    guarded_free_all();
}

// ---- routes -----------------------------------------------------------------------------------

// The parameters of dweights . weights of a token as a function of one logit, for fixed experts.
typedef struct routed {
    const vd_route_backward *op;
    int64_t row;
    int32_t e;
} routed;

static double logit(const routed *r, double value, int32_t e) {
    return e == r->e ? value : (double)r->op->logits[r->row * r->op->E + e];
}

static double score(const vd_route_backward *op, double l) {
    return op->score == VD_ROUTE_SIGMOID ? 1 / (1 + exp(-l)) : exp(l);
}

// Returns routed_value for sparse-mixer weights, for a fixed set of experts near the maximum.
static double sparse_mixer_value(const routed *r, double value) {
    const vd_route_backward *op = r->op;
    const float *experts = op->experts + r->row * op->k, *l = op->logits + r->row * op->E;
    double weighted = 0;
    for (int32_t slot = 0; slot < op->k; slot++) {
        int32_t own = (int32_t)experts[slot];
        double sum = 0;
        for (int32_t e = 0; e < op->E; e++) {
            int taken = 0;
            for (int32_t before = 0; before < slot; before++) {
                taken |= experts[before] == (float)e;
            }
            double m = (double)l[own], far = (m - (double)l[e]) / fmax(fabs((double)l[e]), m);
            sum += taken || far > 0.02 ? 0 : exp(logit(r, value, e) - logit(r, value, own));
        }
        weighted += (double)op->dweights[r->row * op->k + slot] / sum;
    }
    return weighted;
}

static double routed_value(const void *parameters, double value) {
    const routed *r = parameters;
    const vd_route_backward *op = r->op;
    if (op->over == VD_ROUTE_SPARSE_MIXER) {
        return sparse_mixer_value(r, value);
    }
    double all = op->score == VD_ROUTE_SIGMOID ? 1 : 0, chosen = 0, weighted = 0;
    for (int32_t e = 0; op->score == VD_ROUTE_SOFTMAX && e < op->E; e++) {
        all += exp(logit(r, value, e));
    }
    for (int32_t slot = 0; slot < op->k; slot++) {
        int64_t at = r->row * op->k + slot;
        double p = score(op, logit(r, value, (int32_t)op->experts[at]));
        chosen += p;
        weighted += p * (double)op->dweights[at];
    }
    return weighted / (op->over == VD_ROUTE_ALL ? all : chosen);
}

static void routes_match_differences(rng *r, int32_t score_kind, int32_t over) {
    int32_t k = 2;
    float *logits = guarded_alloc(ROWS * E * 4, AT_END);
    float *bias = guarded_alloc(E * 4, AT_END);
    float *dweights = guarded_alloc((size_t)(ROWS * k) * 4, AT_END);
    float *experts = guarded_alloc((size_t)(ROWS * k) * 4, AT_END);
    float *chosen = guarded_alloc((size_t)(ROWS * k) * 4, AT_END);
    float *dlogits = guarded_alloc(ROWS * E * 4, AT_END);
    rng_fill(r, ORDINARY, logits, ROWS * E);
    for (int32_t i = 0; over == VD_ROUTE_SPARSE_MIXER && i < ROWS * E; i++) {
        logits[i] = 3 + logits[i] / 32;  // several are near the maximum
    }
    rng_fill(r, ORDINARY, bias, E);
    rng_fill(r, ORDINARY, dweights, ROWS * k);
    vd_op ops[2] = {{.kind = VD_OP_ROUTE,
                     .as.route = {.logits = logits,
                                  .bias = over == VD_ROUTE_SPARSE_MIXER ? NULL : bias,
                                  .experts = experts,
                                  .weights = chosen,
                                  .E = E,
                                  .k = k,
                                  .score = score_kind,
                                  .over = over}},
                    {.kind = VD_OP_ROUTE_BACKWARD,
                     .as.route_backward = {logits, experts, chosen, dweights, dlogits, E, k,
                                           score_kind, over}}};
    run_rows(&ops[0], VD_ISA_SCALAR, 1, ROWS);
    run_rows(&ops[1], VD_ISA_SCALAR, 3, ROWS);
    describe("route backward, score %d, over %d", score_kind, over);
    // Exponentials of logits up to 4 have errors of EXP_ERROR, and their sums of E terms round.
    double tolerance = 8 * (2 * EXP_ERROR + roundings(E + 8)) + difference_error(8);
    for (int32_t i = 0; i < ROWS * E; i++) {
        routed f = {&ops[1].as.route_backward, i / E, i % E};
        double exact = derivative_at(routed_value, &f, (double)logits[i]);
        near("dlogits", i, exact, tolerance, dlogits[i]);
    }
    guarded_free_all();
}

// Checks slots without a valid expert, which edits of the experts may cause.
static void ignores_invalid_experts(int32_t score_kind, int32_t over) {
    enum { MANY = 12 };
    static const float invalid[] = {-1, 0.5f, MANY, 1e9f, -1e9f, NAN, INFINITY, -INFINITY};
    enum { SLOTS = sizeof invalid / sizeof invalid[0] };
    describe("route backward of slots without a valid expert, score %d, over %d", score_kind, over);
    float logits[MANY] = {0}, chosen[SLOTS], dweights[SLOTS];
    for (int i = 0; i < SLOTS; i++) {
        chosen[i] = dweights[i] = 0.25f;
    }
    float *dlogits = guarded_alloc(MANY * sizeof(float), AT_END);
    vd_op op = {.kind = VD_OP_ROUTE_BACKWARD,
                .as.route_backward = {logits, invalid, chosen, dweights, dlogits, MANY, SLOTS,
                                      score_kind, over}};
    run_rows(&op, VD_ISA_SCALAR, 1, 1);
    // A softmax over all experts subtracts from each the sum over the slots: 8 / 16 / 12.
    int shared = score_kind == VD_ROUTE_SOFTMAX && over == VD_ROUTE_ALL;
    for (int e = 0; e < MANY; e++) {
        near("dlogits", e, shared ? -1.0 / (2 * MANY) : 0, 1e-6, dlogits[e]);
    }
    guarded_free_all();
}

int main(void) {
    test_begin("experts_backward");
    rng r = {36};
    for (int i = 0; i < LENGTHS; i += sweep_step()) {
        for (floats kind = 0; kind < FLOATS_COUNT; kind++) {
            sums_match_definition(&r, length_at(i), kind);
        }
        sums_slots(&r, length_at(i));
    }
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        for (int32_t workers = 1; workers <= 3; workers++) {
            slots_equal_single_rows(&r, VD_F32, isa, workers);
            slots_equal_single_rows(&r, VD_Q8_0, isa, workers);
        }
    }
    for (int which = 0; which < 4; which++) {
        routes_match_differences(&r, which / 2, which % 2);
        ignores_invalid_experts(which / 2, which % 2);
    }
    routes_match_differences(&r, VD_ROUTE_SOFTMAX, VD_ROUTE_SPARSE_MIXER);
    ignores_invalid_experts(VD_ROUTE_SOFTMAX, VD_ROUTE_SPARSE_MIXER);
    return 0;
}

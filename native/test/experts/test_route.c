// route: an expert is chosen if fewer than k rank before it; weights are close to softmax, sigmoid
// and sparse mixer in double; neither depends on the number of workers.
#include <math.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/tolerance.h"

enum { ROWS = 9, E_MAX = 130, NEAR = 8 };

static float logits[ROWS * E_MAX], bias[E_MAX];

// Returns the number of experts before e: those with a higher rank, or an equal one and a lower
// number.
static int32_t order_of(const double *rank, int32_t E, int32_t e) {
    int32_t order = 0;
    for (int32_t other = 0; other < E; other++) {
        order += rank[other] > rank[e] || (rank[other] == rank[e] && other < e);
    }
    return order;
}

// Computes the scores of a row over all experts.
static void scores_of(const vd_route *route, const float *l, double *score) {
    double maximum = -HUGE_VAL, all = 0;
    for (int32_t e = 0; e < route->E; e++) {
        if ((double)l[e] > maximum) {
            maximum = (double)l[e];
        }
    }
    for (int32_t e = 0; e < route->E; e++) {
        all += exp((double)l[e] - maximum);
    }
    for (int32_t e = 0; e < route->E; e++) {
        score[e] = route->score == VD_ROUTE_SIGMOID ? 1 / (1 + exp(-(double)l[e]))
                                                    : exp((double)l[e] - maximum) / all;
    }
}

// Returns the rank of a group: its maximum, or the sum of its two highest ranks.
static double rank_of_group(const vd_route *route, const double *rank, int32_t size) {
    double first = 0, second = 0;
    for (int32_t e = 0; e < size; e++) {
        int32_t order = order_of(rank, size, e);
        first = order == 0 ? rank[e] : first;
        second = order == 1 ? rank[e] : second;
    }
    // The sum is in f32, since its roundings may cause ties.
    return route->group_rank == VD_GROUP_MAX ? first : (double)((float)first + (float)second);
}

// Sets the ranks of experts in groups that are not used to -infinity.
static void mask_groups(const vd_route *route, double *rank) {
    double group[E_MAX];
    int32_t size = route->E / route->groups;
    for (int32_t g = 0; g < route->groups; g++) {
        group[g] = rank_of_group(route, rank + g * size, size);
    }
    for (int32_t e = 0; e < route->E; e++) {
        int32_t order = order_of(group, route->groups, e / size);
        rank[e] = order < route->groups_used ? rank[e] : -HUGE_VAL;
    }
}

// Returns the sparse-mixer weight of a slot: a softmax over the experts near its own that are in no
// earlier slot.
static double sparse_mixer_weight(const float *l, const float *experts, int32_t E, int32_t slot) {
    double m = (double)l[(int32_t)experts[slot]], sum = 0;
    for (int32_t e = 0; e < E; e++) {
        int taken = 0;
        for (int32_t before = 0; before < slot; before++) {
            taken |= experts[before] == (float)e;
        }
        double logit = (double)l[e], far = (m - logit) / fmax(fabs(logit), m);
        sum += taken || far > 0.02 ? 0 : exp(logit - m);
    }
    return 1 / sum;
}

static void check_row(const vd_route *route, int64_t row) {
    const float *l = route->logits + row * route->E;
    const float *experts = route->experts + row * route->k;
    double score[E_MAX], rank[E_MAX], maximum = -HUGE_VAL, chosen = 0;
    scores_of(route, l, score);
    for (int32_t e = 0; e < route->E; e++) {
        rank[e] = route->bias == NULL ? (double)l[e] : score[e] + (double)route->bias[e];
        if ((double)l[e] > maximum) {
            maximum = (double)l[e];
        }
    }
    if (route->groups > 1) {
        mask_groups(route, rank);
    }
    for (int32_t e = 0; e < route->E; e++) {
        int32_t order = order_of(rank, route->E, e);
        CHECK(order >= route->k || experts[order] == (float)e);
        chosen += order < route->k ? score[e] : 0;
    }
    for (int32_t slot = 0; slot < route->k; slot++) {
        int32_t e = (int32_t)experts[slot];
        double below = fmin(maximum - (double)l[e], 104);
        double exact = route->over == VD_ROUTE_SPARSE_MIXER
                           ? sparse_mixer_weight(l, experts, route->E, slot)
                           : score[e] / (route->over == VD_ROUTE_ALL ? 1 : chosen);
        // Exponentials have the errors of exp and of the rounded argument. The sum has up to E
        // terms; only those within 104 of the maximum contribute. Sigmoids have one more sum.
        double error = 2 * EXP_ERROR + roundings(1) * (below + 104) + roundings(route->E + 4);
        near("weight", row * route->k + slot, exact, exact * error + underflows(2),
             route->weights[row * route->k + slot]);
    }
}

static void routes_by_definition(int32_t E, int32_t k, int32_t groups, int which, placement where) {
    vd_route route = {.logits = guarded_copy(logits, (size_t)(ROWS * E) * 4, where),
                      .experts = guarded_alloc((size_t)(ROWS * k) * 4, where),
                      .weights = guarded_alloc((size_t)(ROWS * k) * 4, where),
                      .bias = which & 4 ? guarded_copy(bias, (size_t)E * 4, where) : NULL,
                      .E = E,
                      .k = k,
                      .score = which & 2 ? VD_ROUTE_SIGMOID : VD_ROUTE_SOFTMAX,
                      .over = which == NEAR ? VD_ROUTE_SPARSE_MIXER
                              : which & 1   ? VD_ROUTE_ALL
                                            : VD_ROUTE_CHOSEN,
                      .groups = groups,
                      .groups_used = (groups + 1) / 2,
                      .group_rank = which & 4 ? VD_GROUP_TOP_TWO : VD_GROUP_MAX};
    vd_op op = {.kind = VD_OP_ROUTE, .as.route = route};
    describe("route to %d of %d in %d groups, score %d, over %d, bias %d", k, E, groups,
             route.score, route.over, route.bias != NULL);
    run_rows(&op, VD_ISA_SCALAR, 1, ROWS);
    for (int64_t row = 0; row < ROWS; row++) {
        check_row(&route, row);
    }
    for (int32_t workers = 2; workers <= 3; workers++) {
        op.as.route.experts = guarded_alloc((size_t)(ROWS * k) * 4, where);
        op.as.route.weights = guarded_alloc((size_t)(ROWS * k) * 4, where);
        run_rows(&op, VD_ISA_SCALAR, workers, ROWS);
        same_floats("experts", route.experts, op.as.route.experts, ROWS * k);
        same_floats("weights", route.weights, op.as.route.weights, ROWS * k);
    }
    guarded_free_all();
}

// Checks that infinities and NaN still yield k different valid experts.
static void chooses_experts_from_any_logits(rng *r, int32_t E, int32_t k, int32_t groups,
                                            int biased) {
    rng_fill(r, SPECIAL, logits, ROWS * E);
    rng_fill(r, SPECIAL, bias, E);
    vd_route route = {.logits = guarded_copy(logits, (size_t)(ROWS * E) * 4, AT_END),
                      .experts = guarded_alloc((size_t)(ROWS * k) * 4, AT_END),
                      .weights = guarded_alloc((size_t)(ROWS * k) * 4, AT_END),
                      .bias = biased ? guarded_copy(bias, (size_t)E * 4, AT_END) : NULL,
                      .E = E,
                      .k = k,
                      .groups = groups,
                      .groups_used = (groups + 1) / 2};
    vd_op op = {.kind = VD_OP_ROUTE, .as.route = route};
    describe("route of infinities and NaN to %d of %d", k, E);
    run_rows(&op, VD_ISA_SCALAR, 2, ROWS);
    for (int32_t i = 0; i < ROWS * k; i++) {
        float expert = route.experts[i];
        CHECK(expert >= 0 && expert < (float)E && expert == floorf(expert));
        for (int32_t j = i / k * k; j < i; j++) {
            CHECK(route.experts[j] != expert);
        }
    }
    guarded_free_all();
}

int main(void) {
    describe_faults();
    static const int32_t sizes[][3] = {{1, 1, 0},  {8, 2, 1},  {8, 8, 0},   {16, 1, 0},
                                       {17, 4, 1}, {64, 6, 0}, {128, 8, 0}, {130, 130, 0},
                                       {8, 2, 4},  {8, 4, 2},  {128, 8, 8}, {15, 6, 3}};
    rng r = {31};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int32_t E = sizes[i][0], k = sizes[i][1], groups = sizes[i][2];
        for (int which = 0; which < 16; which++) {
            rng_fill(&r, ORDINARY, logits, ROWS * E);
            rng_fill(&r, ORDINARY, bias, E);
            for (int32_t j = 0; which >= 8 && j < ROWS * E; j++) {
                logits[j] = floorf(logits[j]);  // many ties
                bias[j % E] = floorf(bias[j % E]);
            }
            routes_by_definition(E, k, groups, which % 8, (placement)(which % PLACEMENTS));
            if (which % 8 == 0) {
                routes_by_definition(E, k, 0, NEAR, (placement)(E % PLACEMENTS));
            }
        }
        chooses_experts_from_any_logits(&r, E, k, groups, 0);
        chooses_experts_from_any_logits(&r, E, k, groups, 1);
    }
    return 0;
}

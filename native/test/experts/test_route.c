// route: experts by their definition, an expert is chosen when fewer than k come before it; weights
// against the softmax in double; each row alone.
#include <math.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/tolerance.h"

enum { ROWS = 9, E_MAX = 130 };

static float logits[ROWS * E_MAX];

// How many experts come before e: greater logits, and equal ones of lower numbers.
static int32_t rank_of(const float *row, int32_t E, int32_t e) {
    int32_t rank = 0;
    for (int32_t other = 0; other < E; other++) {
        rank += row[other] > row[e] || (row[other] == row[e] && other < e);
    }
    return rank;
}

static void check_row(const vd_route *route, int64_t row) {
    const float *l = route->logits + row * route->E;
    const float *experts = route->experts + row * route->k;
    double greatest = -HUGE_VAL, all = 0, chosen = 0;
    for (int32_t e = 0; e < route->E; e++) {
        int32_t rank = rank_of(l, route->E, e);
        CHECK(rank >= route->k || experts[rank] == (float)e);
        greatest = fmax(greatest, (double)l[e]);
    }
    for (int32_t e = 0; e < route->E; e++) {
        double share = exp((double)l[e] - greatest);
        all += share;
        chosen += rank_of(l, route->E, e) < route->k ? share : 0;
    }
    for (int32_t slot = 0; slot < route->k; slot++) {
        double below = greatest - (double)l[(int32_t)experts[slot]];
        double exact = exp(-below) / (route->over == VD_ROUTE_ALL ? all : chosen);
        // Each exponential is off by exp and by the rounding of its argument; the sum has up to E
        // terms, of which only those within 104 of the greatest count.
        double error =
            2 * EXP_ERROR + roundings(1) * (fmin(below, 104) + 104) + roundings(route->E + 2);
        near("weight", row * route->k + slot, exact, exact * error + underflows(2),
             route->weights[row * route->k + slot]);
    }
}

static void check_route(int32_t E, int32_t k, vd_route_over over, placement where) {
    vd_route route = {.logits = guarded_copy(logits, (size_t)(ROWS * E) * 4, where),
                      .experts = guarded_alloc((size_t)(ROWS * k) * 4, where),
                      .weights = guarded_alloc((size_t)(ROWS * k) * 4, where),
                      .E = E,
                      .k = k,
                      .over = over};
    vd_op op = {.kind = VD_OP_ROUTE, .as.route = route};
    describe("route to %d of %d, over %d", k, E, over);
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

// Whatever the logits are, a token goes to k different experts that there are.
static void check_nasty(rng *r, int32_t E, int32_t k) {
    rng_fill(r, NASTY, logits, ROWS * E);
    vd_route route = {.logits = guarded_copy(logits, (size_t)(ROWS * E) * 4, AT_END),
                      .experts = guarded_alloc((size_t)(ROWS * k) * 4, AT_END),
                      .weights = guarded_alloc((size_t)(ROWS * k) * 4, AT_END),
                      .E = E,
                      .k = k};
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
    static const int32_t sizes[][2] = {{1, 1},  {8, 2},  {8, 8},   {16, 1},
                                       {17, 4}, {64, 6}, {128, 8}, {130, 130}};
    rng r = {31};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int32_t E = sizes[i][0], k = sizes[i][1];
        for (int which = 0; which < 6; which++) {
            rng_fill(&r, ORDINARY, logits, ROWS * E);
            for (int32_t j = 0; which % 2 == 1 && j < ROWS * E; j++) {
                logits[j] = floorf(logits[j]);  // many ties
            }
            check_route(E, k, (vd_route_over)(which / 3), (placement)(which % PLACEMENTS));
        }
        check_nasty(&r, E, k);
    }
    return 0;
}

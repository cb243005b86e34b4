// route has one variant: a token has few experts, and each a number.
#include "core/exp.h"
#include "core/family.h"
#include "core/lanes.h"

vd_status vd_route_check(const vd_op *op) {
    const vd_route *route = &op->as.route;
    int valid = route->logits != NULL && route->experts != NULL && route->weights != NULL &&
                route->E > 0 && route->E <= VD_EXPERTS_MAX && route->k > 0 &&
                route->k <= route->E &&
                (route->over == VD_ROUTE_CHOSEN || route->over == VD_ROUTE_ALL);
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// Inserts each expert into the k best so far, after all whose logits are not less.
static void choose(const float *logits, int32_t E, int32_t k, float *experts) {
    int32_t n = 0;
    for (int32_t e = 0; e < E; e++) {
        int32_t slot = n;
        while (slot > 0 && logits[e] > logits[(int32_t)experts[slot - 1]]) {
            slot--;
        }
        n = n < k ? n + 1 : k;
        for (int32_t i = n - 1; i > slot; i--) {
            experts[i] = experts[i - 1];
        }
        if (slot < k) {
            experts[slot] = (float)e;
        }
    }
}

static float sum_of_all(const float *logits, int32_t E, float M) {
    float lane[VD_LANES] = {0};
    for (int32_t e = 0; e < E; e++) {
        lane[e % VD_LANES] += vd_exp(logits[e] - M);
    }
    return vd_merge_lanes(lane);
}

static void weigh(const vd_route *route, const float *logits, const float *experts,
                  float *weights) {
    float M = logits[(int32_t)experts[0]];
    float L = 0.0f;
    for (int32_t slot = 0; slot < route->k; slot++) {
        weights[slot] = vd_exp(logits[(int32_t)experts[slot]] - M);
        L += weights[slot];
    }
    L = route->over == VD_ROUTE_ALL ? sum_of_all(logits, route->E, M) : L;
    for (int32_t slot = 0; slot < route->k; slot++) {
        weights[slot] /= L;
    }
}

void vd_route_run(const vd_op *op, const vd_step *step) {
    const vd_route *route = &op->as.route;
    vd_range rows = vd_share(step->worker, step->rows);
    for (int64_t row = rows.begin; row < rows.end; row++) {
        const float *logits = route->logits + row * route->E;
        float *experts = route->experts + row * route->k;
        choose(logits, route->E, route->k, experts);
        weigh(route, logits, experts, route->weights + row * route->k);
    }
}

// route has one variant: a token has one logit for each of a few experts.
#include <math.h>
#include <string.h>

#include "core/op_impl.h"
#include "experts/sparse_mixer.h"
#include "simd/exp.h"
#include "simd/lane_sum.h"

static int groups_valid(const vd_route *route) {
    if (route->groups < 0 || route->groups > VD_EXPERT_GROUPS_MAX) {
        return 0;
    }
    if (route->groups <= 1) {
        return 1;
    }
    int32_t size = route->E / route->groups;
    int ranked =
        route->group_rank == VD_GROUP_MAX || (route->group_rank == VD_GROUP_TOP_TWO && size > 1);
    return ranked && route->E % route->groups == 0 && route->groups_used > 0 &&
           route->groups_used <= route->groups && route->k <= route->groups_used * size;
}

static int sparse_mixer_valid(const vd_route *route) {
    return route->score == VD_ROUTE_SOFTMAX && route->bias == NULL && route->groups <= 1;
}

vd_status vd_route_check(const vd_op *op) {
    const vd_route *route = &op->as.route;
    int valid = route->logits != NULL && route->experts != NULL && route->weights != NULL &&
                route->E > 0 && route->E <= VD_EXPERTS_MAX && route->k > 0 &&
                route->k <= route->E &&
                (route->score == VD_ROUTE_SOFTMAX || route->score == VD_ROUTE_SIGMOID) &&
                (route->over == VD_ROUTE_CHOSEN || route->over == VD_ROUTE_ALL ||
                 (route->over == VD_ROUTE_SPARSE_MIXER && sparse_mixer_valid(route))) &&
                groups_valid(route);
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// Inserts each expert into the k best so far, after all of equal or higher rank.
static void select_top_k(const float *rank, int32_t E, int32_t k, float *experts) {
    int32_t n = 0;
    for (int32_t e = 0; e < E; e++) {
        int32_t slot = n;
        while (slot > 0 && rank[e] > rank[(int32_t)experts[slot - 1]]) {
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
    return vd_reduce_lanes(lane);
}

static float max_of(const float *logits, int32_t E) {
    float M = logits[0];
    for (int32_t e = 1; e < E; e++) {
        M = logits[e] > M ? logits[e] : M;
    }
    return M;
}

// Returns a score before normalization; for a softmax, exp(logit - M).
static float score_of(const vd_route *route, float logit, float M) {
    return route->score == VD_ROUTE_SIGMOID ? vd_sigmoid(logit) : vd_exp(logit - M);
}

// Returns the divisor that normalizes scores over all experts.
static float divisor_of_all(const vd_route *route, const float *logits, float M) {
    return route->score == VD_ROUTE_SIGMOID ? 1.0f : sum_of_all(logits, route->E, M);
}

static void rank_by_bias(const vd_route *route, const float *logits, float M, float *rank) {
    float L = divisor_of_all(route, logits, M);
    for (int32_t e = 0; e < route->E; e++) {
        rank[e] = score_of(route, logits[e], M) / L + route->bias[e];
    }
}

// Returns the rank of a group of `size` experts.
static float rank_of_group(const vd_route *route, const float *rank, int32_t size) {
    float first = rank[0], second = -INFINITY;
    for (int32_t e = 1; e < size; e++) {
        float smaller = rank[e] > first ? first : rank[e];
        first = rank[e] > first ? rank[e] : first;
        second = smaller > second ? smaller : second;
    }
    return route->group_rank == VD_GROUP_MAX ? first : first + second;
}

// Sets the rank of experts outside the best groups to -infinity.
static void mask_groups(const vd_route *route, float *rank) {
    int32_t size = route->E / route->groups;
    float group[VD_EXPERT_GROUPS_MAX], best[VD_EXPERT_GROUPS_MAX];
    int kept[VD_EXPERT_GROUPS_MAX] = {0};
    for (int32_t g = 0; g < route->groups; g++) {
        group[g] = rank_of_group(route, rank + g * size, size);
    }
    select_top_k(group, route->groups, route->groups_used, best);
    for (int32_t i = 0; i < route->groups_used; i++) {
        kept[(int32_t)best[i]] = 1;
    }
    for (int32_t e = 0; e < route->E; e++) {
        rank[e] = kept[e / size] ? rank[e] : -INFINITY;
    }
}

static void weigh(const vd_route *route, const float *logits, const float *experts, float M,
                  float *weights) {
    float L = 0.0f;
    for (int32_t slot = 0; slot < route->k; slot++) {
        weights[slot] = score_of(route, logits[(int32_t)experts[slot]], M);
        L += weights[slot];
    }
    L = route->over == VD_ROUTE_ALL ? divisor_of_all(route, logits, M) : L;
    for (int32_t slot = 0; slot < route->k; slot++) {
        weights[slot] /= L;
    }
}

static void weigh_sparse_mixer(const vd_route *route, const float *logits, const float *experts,
                               float *weights) {
    uint8_t chosen[VD_EXPERTS_MAX];  // by an earlier slot
    memset(chosen, 0, (size_t)route->E);
    for (int32_t slot = 0; slot < route->k; slot++) {
        int32_t own = (int32_t)experts[slot];
        float lane[VD_LANES] = {0};
        for (int32_t e = 0; e < route->E; e++) {
            if (!chosen[e] && vd_within_threshold(logits[e], logits[own])) {
                lane[e % VD_LANES] += vd_exp(logits[e] - logits[own]);
            }
        }
        chosen[own] = 1;
        weights[slot] = 1.0f / vd_reduce_lanes(lane);
    }
}

void vd_route_run(const vd_op *op, const vd_step *step) {
    const vd_route *route = &op->as.route;
    vd_range rows = vd_share(step->worker, step->rows);
    float rank[VD_EXPERTS_MAX];
    for (int64_t row = rows.begin; row < rows.end; row++) {
        const float *logits = route->logits + row * route->E;
        float *experts = route->experts + row * route->k;
        float M = max_of(logits, route->E);
        if (route->bias != NULL) {
            rank_by_bias(route, logits, M, rank);
        } else {
            memcpy(rank, logits, (size_t)route->E * sizeof *rank);
        }
        if (route->groups > 1) {
            mask_groups(route, rank);
        }
        select_top_k(rank, route->E, route->k, experts);
        if (route->over == VD_ROUTE_SPARSE_MIXER) {
            weigh_sparse_mixer(route, logits, experts, route->weights + row * route->k);
        } else {
            weigh(route, logits, experts, M, route->weights + row * route->k);
        }
    }
}

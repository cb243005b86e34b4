// The gradient of a mixture of experts: of each slot, then of the slots of a token.
#include "backward/backward.h"
#include "experts/expert_tiles.h"
#include "experts/sparse_mixer.h"
#include "simd/exp.h"
#include "simd/lane_sum.h"

enum { TILE_SLOTS = 192 };  // maximum of a tile

vd_status vd_expert_sum_backward_check(const vd_op *op) {
    const vd_expert_sum_backward *s = &op->as.expert_sum_backward;
    int valid = s->x != NULL && s->weights != NULL && s->dy != NULL && s->dx != NULL &&
                s->dweights != NULL && s->k > 0 && s->d > 0;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_expert_sum_backward_run(const vd_op *op, const vd_step *step) {
    vd_backward[step->isa]->expert_sum(&op->as.expert_sum_backward,
                                       vd_share(step->worker, step->rows));
}

vd_status vd_slot_sum_check(const vd_op *op) {
    const vd_slot_sum *sum = &op->as.slot_sum;
    int valid = sum->x != NULL && sum->y != NULL && sum->k > 0 && sum->d > 0;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// One variant: it is bound by memory, and compilers vectorize it.
void vd_slot_sum_run(const vd_op *op, const vd_step *step) {
    const vd_slot_sum *sum = &op->as.slot_sum;
    vd_range rows = vd_share(step->worker, step->rows);
    for (int64_t row = rows.begin; row < rows.end; row++) {
        const float *x = sum->x + row * sum->k * sum->d;
        float *y = sum->y + row * sum->d;
        for (int32_t i = 0; i < sum->d; i++) {
            y[i] = x[i];
        }
        for (int32_t slot = 1; slot < sum->k; slot++) {
            for (int32_t i = 0; i < sum->d; i++) {
                y[i] += x[(int64_t)slot * sum->d + i];
            }
        }
    }
}

// ---- products ---------------------------------------------------------------------------------

vd_status vd_expert_matmul_backward_check(const vd_op *op) {
    const vd_expert_matmul_backward *m = &op->as.expert_matmul_backward;
    int valid = m->matrices != NULL && m->experts != NULL && m->dy != NULL && m->dx != NULL &&
                m->E > 0 && m->E <= VD_EXPERTS_MAX && m->k > 0 && m->k <= m->E && m->N > 0 &&
                m->K > 0 && vd_row_bytes(m->type, m->K) > 0;
    for (int32_t e = 0; valid && e < m->E; e++) {
        valid = m->matrices[e] != NULL;
    }
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

static void run_tile(const vd_op *op, const vd_step *step, const vd_expert_tile *tile) {
    const vd_expert_matmul_backward *m = &op->as.expert_matmul_backward;
    vd_matmul_backward product = {.weights = m->matrices[tile->expert],
                                  .dy = m->dy,
                                  .dx = m->dx,
                                  .type = m->type,
                                  .N = m->N,
                                  .K = m->K};
    vd_backward[step->isa]->matmul(&product, tile->slots, (vd_range){0, tile->n},
                                   tile->columns.begin, step->worker->scratch);
}

void vd_expert_matmul_backward_run(const vd_op *op, const vd_step *step) {
    const vd_expert_matmul_backward *m = &op->as.expert_matmul_backward;
    vd_expert_tiling tiling = {.experts = m->experts,
                               .E = m->E,
                               .k = m->k,
                               .y = m->dx,
                               .columns = m->K,
                               .unit = VD_BACKWARD_COLUMNS,
                               .tile_slots = TILE_SLOTS,
                               .tile_columns = VD_BACKWARD_COLUMNS};
    vd_run_expert_tiles(op, step, &tiling, run_tile);
}

// ---- routes -----------------------------------------------------------------------------------

vd_status vd_route_backward_check(const vd_op *op) {
    const vd_route_backward *route = &op->as.route_backward;
    int valid = route->logits != NULL && route->experts != NULL && route->weights != NULL &&
                route->dweights != NULL && route->dlogits != NULL && route->E > 0 &&
                route->E <= VD_EXPERTS_MAX && route->k > 0 && route->k <= route->E &&
                (route->score == VD_ROUTE_SOFTMAX || route->score == VD_ROUTE_SIGMOID) &&
                (route->over == VD_ROUTE_CHOSEN || route->over == VD_ROUTE_ALL ||
                 (route->over == VD_ROUTE_SPARSE_MIXER && route->score == VD_ROUTE_SOFTMAX));
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// Sets dlogits to -mean times the softmax over all experts.
static void all_experts(const float *logits, int32_t E, float mean, float *dlogits) {
    float M = logits[0];
    for (int32_t e = 1; e < E; e++) {
        M = logits[e] > M ? logits[e] : M;
    }
    float lane[VD_LANES] = {0};
    for (int32_t e = 0; e < E; e++) {
        lane[e % VD_LANES] += vd_exp(logits[e] - M);
    }
    float L = vd_reduce_lanes(lane);
    for (int32_t e = 0; e < E; e++) {
        dlogits[e] = vd_exp(logits[e] - M) / L * -mean;
    }
}

// Returns 1 - sigmoid(logit).
static float complement(float logit) { return vd_sigmoid(-logit); }

static void route_row_sparse_mixer(const vd_route_backward *route, int64_t row) {
    const float *logits = route->logits + row * route->E;
    const float *experts = route->experts + row * route->k;
    float *dlogits = route->dlogits + row * route->E;
    uint8_t chosen[VD_EXPERTS_MAX];  // by an earlier slot
    for (int32_t e = 0; e < route->E; e++) {
        dlogits[e] = 0.0f;
        chosen[e] = 0;
    }
    for (int32_t slot = 0; slot < route->k; slot++) {
        int32_t own = vd_expert_of(experts[slot], route->E);
        if (own == route->E) {
            continue;
        }
        float weight = route->weights[row * route->k + slot];
        float g = weight * route->dweights[row * route->k + slot];
        for (int32_t e = 0; e < route->E; e++) {
            if (!chosen[e] && vd_within_threshold(logits[e], logits[own])) {
                float p = vd_exp(logits[e] - logits[own]) * weight;
                dlogits[e] = fmaf(p, -g, dlogits[e]);
            }
        }
        dlogits[own] += g;
        chosen[own] = 1;
    }
}

static void route_row(const vd_route_backward *route, int64_t row) {
    const float *logits = route->logits + row * route->E;
    const float *experts = route->experts + row * route->k;
    const float *weights = route->weights + row * route->k;
    const float *dweights = route->dweights + row * route->k;
    float *dlogits = route->dlogits + row * route->E;
    int all = route->over == VD_ROUTE_ALL, sigmoid = route->score == VD_ROUTE_SIGMOID;
    float mean = 0.0f;
    for (int32_t slot = 0; slot < route->k && !(all && sigmoid); slot++) {
        mean = fmaf(weights[slot], dweights[slot], mean);
    }
    for (int32_t e = 0; e < route->E; e++) {
        dlogits[e] = 0.0f;
    }
    if (all && !sigmoid) {
        all_experts(logits, route->E, mean, dlogits);
    }
    for (int32_t slot = 0; slot < route->k; slot++) {
        int32_t e = vd_expert_of(experts[slot], route->E);
        if (e == route->E) {
            continue;
        }
        if (all && !sigmoid) {
            dlogits[e] = fmaf(weights[slot], dweights[slot], dlogits[e]);
        } else {
            float g = weights[slot] * (dweights[slot] - mean);
            dlogits[e] = sigmoid ? g * complement(logits[e]) : g;
        }
    }
}

// One variant: a token has few experts.
void vd_route_backward_run(const vd_op *op, const vd_step *step) {
    vd_range rows = vd_share(step->worker, step->rows);
    for (int64_t row = rows.begin; row < rows.end; row++) {
        if (op->as.route_backward.over == VD_ROUTE_SPARSE_MIXER) {
            route_row_sparse_mixer(&op->as.route_backward, row);
        } else {
            route_row(&op->as.route_backward, row);
        }
    }
}

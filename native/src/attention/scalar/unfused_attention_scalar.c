// The reference implementation of scores, softmax and attention_values (docs/numerics.md).
#include "attention/unfused_attention.h"

#include <math.h>

#include "attention/scalar/kv_scalar.h"
#include "attention/scalar/softmax_scalar.h"
#include "simd/exp.h"
#include "simd/lane_sum.h"

static void scores(const vd_scores *op, const vd_query *query, float *y) {
    const vd_kv_cache *cache = query->cache;
    for (int32_t t = query->first; t < query->end; t++) {
        float product = vd_kv_scaled(cache->type)
                            ? vd_kv_dot_quantized(cache, query->blocks, query->head, t,
                                                  query->quants, query->scale)
                            : vd_kv_dot(cache, query->blocks, query->head, t, query->q);
        y[t] = vd_score_of(product, op->scale, op->cap, op->slopes == NULL ? NULL : &query->slope,
                           query->bias, op->reach, t - query->position);
    }
}

static void softmax(const float *sink, float *y, int64_t n) {
    float M = -INFINITY;
    for (int64_t t = 0; t < n; t++) {
        M = y[t] > M ? y[t] : M;
    }
    M = sink != NULL && *sink > M ? *sink : M;
    float lane[VD_LANES] = {0};
    for (int64_t t = 0; t < n; t++) {
        y[t] = vd_exp(y[t] - M);
        lane[t % VD_LANES] += y[t];
    }
    float L = vd_reduce_lanes(lane);
    if (sink != NULL) {
        vd_add_sink(*sink, M, &L);
    }
    float factor = 1.0f / L;
    for (int64_t t = 0; t < n; t++) {
        y[t] *= factor;
    }
}

static void values(const vd_query *query, const float *pattern, float *z) {
    for (int32_t i = 0; i < query->cache->d_v; i++) {
        float sum = 0.0f;
        for (int32_t t = 0; t < query->end; t++) {
            float v = vd_kv_value(query->cache, query->blocks, query->head, t, i);
            sum = fmaf(pattern[t], v, sum);
        }
        z[i] = sum;
    }
}

const vd_unfused_attention_kernel vd_unfused_attention_scalar = {scores, softmax, values};

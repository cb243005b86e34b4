#include "attention/attention_reference.h"

#include <math.h>

#include "support/cache.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/tolerance.h"

enum { COUNT_MAX = 1024, CHUNK = 256 };

typedef struct weights {
    double share[COUNT_MAX];  // of each position: the softmax of the scores
    double error[COUNT_MAX];  // relative, of the exponential before it is divided by the sum
    double sum_error;         // relative, of the sum
} weights;

// The f32 score is off by the roundings of its dot product and its scaling. Its exponential is
// reached in steps (the chunk's greatest score, then the merges), each a difference that rounds and
// an exp; the differences have one sign, so their roundings add up to that of the whole difference.
static void weigh(const vd_kv_cache *cache, const int32_t *blocks, int32_t head, double scale,
                  const float *q, int32_t count, weights *w) {
    int32_t merges = (count - 1) / CHUNK;
    double score[COUNT_MAX], greatest = -HUGE_VAL, sum = 0;
    for (int32_t t = 0; t < count; t++) {
        double dot = 0, magnitude = 0;
        for (int32_t i = 0; i < cache->d_h; i++) {
            double term = (double)q[i] * (double)*key_at(cache, blocks, head, t, i);
            dot += term;
            magnitude += fabs(term);
        }
        score[t] = dot * scale;
        w->error[t] = roundings(cache->d_h + 1) * magnitude * fabs(scale);
        greatest = score[t] > greatest ? score[t] : greatest;
    }
    for (int32_t t = 0; t < count; t++) {
        double exponent_error = w->error[t] + roundings(1) * (greatest - score[t]);
        w->error[t] = expm1(exponent_error) + (1 + merges) * EXP_ERROR;
        w->share[t] = exp(score[t] - greatest);
        sum += w->share[t];
    }
    w->sum_error = roundings(lane_sum_depth(CHUNK) + 2 * merges);
    for (int32_t t = 0; t < count; t++) {
        w->share[t] /= sum;
        w->sum_error += w->share[t] * w->error[t];
    }
}

void check_attention(const vd_kv_cache *cache, const int32_t *blocks, int32_t head, float scale,
                     const float *q, int32_t count, const float *z) {
    static weights w;
    CHECK(count <= COUNT_MAX);
    weigh(cache, blocks, head, (double)scale, q, count, &w);
    // A term of the weighted sum goes through its chunk's fmas and two operations of each merge,
    // then the division: the sum's inverse and a product.
    double fixed = roundings(CHUNK + 2 * ((count - 1) / CHUNK) + 2) + w.sum_error;
    for (int32_t i = 0; i < cache->d_h; i++) {
        double sum = 0, tolerance = 0;
        for (int32_t t = 0; t < count; t++) {
            double term = w.share[t] * (double)*value_at(cache, blocks, head, t, i);
            sum += term;
            tolerance += fabs(term) * (w.error[t] + fixed) * (1 + fixed);
        }
        near("z", i, sum, tolerance + underflows(4 * count), z[i]);
    }
}

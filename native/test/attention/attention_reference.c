#include "attention/attention_reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attention/hadamard.h"
#include "quantize/quantize.h"
#include "support/cache.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/tolerance.h"

enum { COUNT_MAX = 1088, CHUNK = 256 };

typedef struct weights {
    double share[COUNT_MAX];  // the softmax of the scores
    double error[COUNT_MAX];  // the relative error of an exponential before the division by the sum
    double sum_error;         // the relative error of the sum
} weights;

// Stores the query in q, rotated and quantized as the keys are.
static void effective_query(const one_query *one, double *q) {
    vd_type type = (vd_type)one->op->cache.type;
    int32_t d_h = one->op->cache.d_h;
    float rotated[VD_HEAD_MAX];
    memcpy(rotated, one->q, (size_t)d_h * sizeof *rotated);
    if (type == VD_Q4_0) {
        vd_hadamard(rotated, d_h, rotation_of(&one->op->cache, d_h));
    }
    for (int32_t i = 0; i < d_h; i++) {
        q[i] = (double)rotated[i];
    }
    for (int32_t b = 0; has_scales(type) && b < d_h / 32; b++) {
        int8_t quants[32];
        float scale, scaled_sum[2];
        int32_t sum[2];
        vd_quantized y = {quants, &scale, sum, scaled_sum};
        vd_quantize_scalar(rotated + 32 * b, y, (vd_range){0, 1});
        for (int32_t i = 0; i < 32; i++) {
            q[32 * b + i] = quants[i] * (double)scale;
        }
    }
}

// Returns a score and stores the error of the one in f32: the roundings of the dot product (or of a
// block's scale and fma) and of the scaling; then those of the soft cap (its slope is at most 1),
// of the ALiBi term and of the bias.
static double score(const one_query *one, const double *q, int32_t t, double *error) {
    const vd_attention *op = one->op;
    double dot = 0, magnitude = 0;
    for (int32_t i = 0; i < op->cache.d_h; i++) {
        kv_element key = key_at(&op->cache, one->blocks, one->head, t, i);
        dot += q[i] * element_value((vd_type)op->cache.type, key);
        magnitude += fabs(q[i]) * element_magnitude((vd_type)op->cache.type, key);
    }
    double s = dot * (double)op->scale;
    *error = roundings(op->cache.d_h + 2) * magnitude * fabs((double)op->scale);
    if (op->cap > 0) {
        double cap = (double)op->cap;
        *error +=
            roundings(2) * fabs(s) + cap * TANH_ERROR * fabs(tanh(s / cap)) + roundings(1) * cap;
        s = cap * tanh(s / cap);
    }
    if (op->slopes != NULL) {
        s += (double)one->slope * -abs(t - one->position);
        *error += roundings(1) * fabs(s);
    }
    if (op->biases != NULL) {
        int32_t farthest = op->reach, to_key = t - one->position;
        int32_t at = to_key > farthest ? farthest : to_key < -farthest ? -farthest : to_key;
        s += (double)one->biases[farthest + at];
        *error += roundings(1) * fabs(s);
    }
    return s;
}

// Computes the weights. The exponential of a score takes several steps (the chunk's maximum, then
// the merges), each a rounded difference and an exp; the differences have the same sign, so their
// roundings add up to that of the whole difference.
static void compute_weights(const one_query *one, int32_t chunk, int32_t merges, weights *w) {
    static double q[VD_HEAD_MAX];
    effective_query(one, q);
    int sinks = one->op->sinks != NULL;
    double s[COUNT_MAX], maximum = sinks ? (double)one->sink : -HUGE_VAL;
    for (int32_t t = one->first; t < one->end; t++) {
        s[t] = score(one, q, t, &w->error[t]);
        maximum = s[t] > maximum ? s[t] : maximum;
    }
    double sum = sinks ? exp((double)one->sink - maximum) : 0;
    for (int32_t t = one->first; t < one->end; t++) {
        double exponent_error = w->error[t] + roundings(1) * (maximum - s[t]);
        w->error[t] = expm1(exponent_error) + (1 + merges) * EXP_ERROR;
        w->share[t] = exp(s[t] - maximum);
        sum += w->share[t];
    }
    w->sum_error = roundings(lane_sum_depth(chunk) + 2 * merges) + EXP_ERROR;
    for (int32_t t = one->first; t < one->end; t++) {
        w->share[t] /= sum;
        w->sum_error += w->share[t] * w->error[t];
    }
    if (sinks) {
        w->sum_error += roundings(1) * (maximum - (double)one->sink);
    }
}

// Rotates sums, and adds up the errors of an element's n terms (log2 n operations round their sum),
// and of the factor and the product with it.
static void rotate_back(double *sum, double *tolerance, int32_t d, int32_t n) {
    static double rotated[VD_HEAD_MAX];
    rotate_exactly(sum, rotated, d, n);
    for (int32_t first = 0; first < d; first += n) {
        double terms = 0, errors = 0;
        for (int32_t i = first; i < first + n; i++) {
            terms += fabs(sum[i]) + tolerance[i];
            errors += tolerance[i];
        }
        for (int32_t i = first; i < first + n; i++) {
            tolerance[i] = (errors + roundings(__builtin_ctz((unsigned)n) + 4) * terms) / sqrt(n);
            sum[i] = rotated[i];
        }
    }
}

// Checks z for a softmax over `chunk` positions at a time.
static void check_in_chunks(const one_query *one, int32_t chunk, const float *z) {
    static weights w;
    const vd_kv_cache *cache = &one->op->cache;
    CHECK(one->end <= COUNT_MAX && cache->d_h <= VD_HEAD_MAX);
    // The sink is merged like a chunk.
    int32_t merges = (one->end - 1) / chunk - one->first / chunk + (one->op->sinks != NULL);
    compute_weights(one, chunk, merges, &w);
    // A term of the weighted sum is rounded by the fmas of its chunk, by two operations of each
    // merge and by the division: the sum's inverse and a product. Quantized values are products
    // themselves.
    double fixed = roundings(chunk + 2 * merges + 3) + w.sum_error;
    static double sum[VD_HEAD_MAX], tolerance[VD_HEAD_MAX];
    for (int32_t i = 0; i < cache->d_v; i++) {
        sum[i] = 0;
        tolerance[i] = underflows(4 * one->end);
        for (int32_t t = one->first; t < one->end; t++) {
            kv_element value = value_at(cache, one->blocks, one->head, t, i);
            double term = w.share[t] * element_value((vd_type)cache->type, value);
            sum[i] += term;
            double magnitude = w.share[t] * element_magnitude((vd_type)cache->type, value);
            tolerance[i] += magnitude * (w.error[t] + fixed) * (1 + fixed);
        }
    }
    if (one->rotated_back) {
        rotate_back(sum, tolerance, cache->d_v, rotation_of(cache, cache->d_v));
    }
    for (int32_t i = 0; i < cache->d_v; i++) {
        near("z", i, sum[i], tolerance[i], z[i]);
    }
}

void check_attention(const one_query *one, const float *z) { check_in_chunks(one, CHUNK, z); }

void check_unfused_attention(const one_query *one, int32_t P, const float *z) {
    check_in_chunks(one, P, z);
}

void check_scores(const one_query *one, int32_t P, const float *y) {
    static double q[VD_HEAD_MAX];
    effective_query(one, q);
    for (int32_t t = 0; t < P; t++) {
        if (t < one->first || t >= one->end) {
            CHECK(isinf(y[t]) && y[t] < 0);
        } else {
            double error, exact = score(one, q, t, &error);
            near("score", t, exact, error, y[t]);
        }
    }
}

// The reference implementation of attention backward (docs/numerics.md).
#include <math.h>
#include <string.h>

#include "attention/scalar/kv_scalar.h"
#include "attention/scalar/softmax_scalar.h"
#include "backward/attention_backward.h"
#include "simd/exp.h"
#include "simd/lane_sum.h"

// A query: the token of a row, at position end - 1, and a head.
typedef struct query {
    const vd_segment *segment;
    int64_t row;
    int32_t head;
    int64_t first;  // positions [first, end) are attended to
    int64_t end;
} query;

static query query_of(const vd_segment *segment, int64_t row, int32_t head) {
    int64_t end = segment->positions[row] + 1;
    return (query){segment, row, head, vd_first_position(&segment->op->attention, end), end};
}

static int32_t kv_head(const query *q) {
    const vd_attention *op = &q->segment->op->attention;
    return q->head / (op->H / op->cache.H_kv);
}

// The score of a position, and its derivative by scale * (q . k), which is 1 without a cap.
typedef struct score {
    float value;
    float rate;
} score;

static score score_of(const query *q, int64_t t) {
    const vd_attention *op = &q->segment->op->attention;
    const float *keys = (const float *)vd_key_tile(&op->cache, q->segment->blocks, kv_head(q),
                                                   t / VD_KV_LANES * VD_KV_LANES);
    const float *own = op->q + vd_query_offset(op, q->row, q->head);
    float sum = 0.0f;
    for (int64_t i = 0; i < op->cache.d_h; i++) {
        sum = fmaf(own[i], keys[i * VD_KV_LANES + t % VD_KV_LANES], sum);
    }
    score s = {op->scale * sum, 1.0f};
    if (op->cap > 0) {
        float r = vd_tanh(s.value * (1.0f / op->cap));
        s = (score){op->cap * r, fmaf(-r, r, 1.0f)};
    }
    if (op->slopes != NULL) {
        s.value = fmaf(op->slopes[q->head], (float)(t + 1 - q->end), s.value);
    }
    return s;
}

// Returns dz . v[t].
static float probability_gradient(const query *q, int64_t t) {
    const vd_attention *op = &q->segment->op->attention;
    const float *dz = q->segment->op->dz + vd_result_offset(op, q->row, q->head);
    float sum = 0.0f;
    for (int64_t i = 0; i < op->cache.d_v; i++) {
        float v = vd_kv_value(&op->cache, q->segment->blocks, kv_head(q), t, i);
        sum = fmaf(dz[i], v, sum);
    }
    return sum;
}

// Returns the gradient with respect to q . k of a probability P with gradient dP.
static float product_gradient(const query *q, score s, float P, float dP, float mean) {
    const vd_attention *op = &q->segment->op->attention;
    float g = P * (dP - mean);
    g = op->cap > 0 ? g * s.rate : g;
    return g * op->scale;
}

static vd_softmax_statistics softmax_of(const query *q) {
    const vd_attention *op = &q->segment->op->attention;
    float M = op->sinks == NULL ? -INFINITY : op->sinks[q->head];
    for (int64_t t = q->first; t < q->end; t++) {
        float s = score_of(q, t).value;
        M = s > M ? s : M;
    }
    float lane[VD_LANES] = {0};
    for (int64_t t = q->first; t < q->end; t++) {
        lane[t % VD_LANES] += vd_exp(score_of(q, t).value - M);
    }
    float L = vd_reduce_lanes(lane);
    if (op->sinks != NULL) {
        vd_add_sink(op->sinks[q->head], M, &L);
    }
    float inverse = 1.0f / L, products[VD_LANES] = {0};
    for (int64_t t = q->first; t < q->end; t++) {
        float P = vd_exp(score_of(q, t).value - M) * inverse;
        products[t % VD_LANES] = fmaf(P, probability_gradient(q, t), products[t % VD_LANES]);
    }
    return (vd_softmax_statistics){M + 0.0f, inverse, vd_reduce_lanes(products)};
}

static void query_backward(const query *q, float *g) {
    const vd_attention *op = &q->segment->op->attention;
    vd_softmax_statistics s = softmax_of(q);
    for (int64_t t = q->first; t < q->end; t++) {
        score scored = score_of(q, t);
        float P = vd_exp(scored.value - s.maximum) * s.inverse;
        g[t] = product_gradient(q, scored, P, probability_gradient(q, t), s.mean);
    }
    float *dq = q->segment->op->dq + vd_query_offset(op, q->row, q->head);
    for (int64_t i = 0; i < op->cache.d_h; i++) {
        float lane[VD_LANES] = {0};
        for (int64_t t = q->first; t < q->end; t++) {
            const float *keys = (const float *)vd_key_tile(
                &op->cache, q->segment->blocks, kv_head(q), t / VD_KV_LANES * VD_KV_LANES);
            float k = keys[i * VD_KV_LANES + t % VD_KV_LANES];
            lane[t % VD_LANES] = fmaf(g[t], k, lane[t % VD_LANES]);
        }
        dq[i] = vd_reduce_lanes(lane);
    }
    *vd_softmax_of(q->segment->op, q->row, q->head) = s;
}

void vd_query_backward_scalar(const vd_segment *segment, int32_t head, vd_range tokens,
                              void *scratch) {
    int32_t group = segment->op->attention.H / segment->op->attention.cache.H_kv;
    for (int64_t row = tokens.begin; row < tokens.end; row++) {
        for (int32_t h = head * group; h < (head + 1) * group; h++) {
            query q = query_of(segment, row, h);
            query_backward(&q, scratch);
        }
    }
}

// Adds a query's contribution to the gradients of the key and value of position t.
static void add_query(const query *q, int64_t t, float *dk, float *dv) {
    const vd_attention *op = &q->segment->op->attention;
    const vd_softmax_statistics *s = vd_softmax_of(q->segment->op, q->row, q->head);
    score scored = score_of(q, t);
    float P = vd_exp(scored.value - s->maximum) * s->inverse;
    float g = product_gradient(q, scored, P, probability_gradient(q, t), s->mean);
    const float *own = op->q + vd_query_offset(op, q->row, q->head);
    const float *dz = q->segment->op->dz + vd_result_offset(op, q->row, q->head);
    for (int64_t i = 0; i < op->cache.d_h; i++) {
        dk[i] = fmaf(g, own[i], dk[i]);
    }
    for (int64_t i = 0; i < op->cache.d_v; i++) {
        dv[i] = fmaf(P, dz[i], dv[i]);
    }
}

static void key_value_backward(const vd_segment *segment, int32_t head, int64_t row) {
    const vd_attention *op = &segment->op->attention;
    int64_t d_h = op->cache.d_h, d_v = op->cache.d_v, t = segment->positions[row];
    int32_t group = op->H / op->cache.H_kv;
    float *dk = segment->op->dk + (row * op->cache.H_kv + head) * d_h;
    float *dv = segment->op->dv + (row * op->cache.H_kv + head) * d_v;
    memset(dk, 0, (size_t)d_h * sizeof *dk);
    memset(dv, 0, (size_t)d_v * sizeof *dv);
    for (int32_t h = head * group; h < (head + 1) * group; h++) {
        for (int64_t later = row; later < segment->rows.end; later++) {
            query q = query_of(segment, later, h);
            if (t >= q.first) {
                add_query(&q, t, dk, dv);
            }
        }
    }
    for (int64_t i = 0; i < d_h; i++) {
        dk[i] += 0.0f;
    }
    for (int64_t i = 0; i < d_v; i++) {
        dv[i] += 0.0f;
    }
}

void vd_key_value_backward_scalar(const vd_segment *segment, int32_t head, int64_t t,
                                  void *scratch) {
    (void)scratch;
    for (int64_t row = segment->rows.begin; row < segment->rows.end; row++) {
        if (segment->positions[row] / VD_KEYS * VD_KEYS == t) {
            key_value_backward(segment, head, row);
        }
    }
}

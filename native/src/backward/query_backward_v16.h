// The gradient with respect to queries: scores of some queries over all positions, the gradient of
// their softmax, and its products with the keys.
#include "backward/attention_backward_v16.h"

VD_INLINE void score_tiles(const int M, const int T, const vd_attention *op, const vd_query *q,
                           const position_tiles *x, int64_t begin) {
    f32x16 s[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES], dP[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES];
    query_rows rows = rows_of(M, q);
    products(M, T, &op->cache, &rows, x, s, dP);
    for (int j = 0; j < T; j++) {
        int64_t t = begin + j * VD_KV_LANES;
        for (int m = 0; m < M; m++) {
            f32x16 rate;
            f32x16_store(q[m].scores + t, score_of(op, &q[m], s[j][m], t, &rate));
            f32x16_store(q[m].rates + t, rate);
            f32x16_store(q[m].gradients + t, dP[j][m]);
            mask(q[m].scores + t, &q[m], t, -INFINITY);
            mask(q[m].gradients + t, &q[m], t, 0.0f);
            mask(q[m].rates + t, &q[m], t, 0.0f);
        }
    }
}

// Computes scores of n queries against T tiles of positions from t on.
VD_INLINE void score_queries(const int T, const vd_segment *segment, int32_t head,
                             const vd_query *q, int64_t n, int64_t t, float *values) {
    const vd_attention *op = &segment->op->attention;
    const int M = VD_GRADIENT_QUERIES;
    position_tiles x = tiles_at(T, &op->cache, segment->blocks, head, t, values);
    int64_t m = 0;
    for (; m + M <= n; m += M) {
        score_tiles(M, T, op, q + m, &x, t);
    }
    for (; m < n; m++) {
        score_tiles(1, T, op, q + m, &x, t);
    }
}

// Turns scores into probabilities, and gradients with respect to these into gradients with respect
// to q . k, over tiles of positions.
static void softmax_backward(const vd_attention *op, const vd_query *q, vd_range tiles) {
    float M = vd_max_score(q->scores, tiles.begin, tiles.end);
    M = (q->sink > M ? q->sink : M) + 0.0f;
    float L = vd_exponentials(q->scores, tiles.begin, tiles.end, M);
    if (op->sinks != NULL) {
        vd_add_sink(q->sink, M, &L);
    }
    float inverse = 1.0f / L;
    f32x16 products_sum = f32x16_zero();
    for (int64_t t = tiles.begin; t < tiles.end; t += 16) {
        f32x16 P = f32x16_mul(f32x16_load(q->scores + t), f32x16_splat(inverse));
        f32x16_store(q->scores + t, P);
        products_sum = f32x16_fma(P, f32x16_load(q->gradients + t), products_sum);
    }
    *q->softmax = (vd_softmax_statistics){M, inverse, f32x16_reduce_add(products_sum)};
    for (int64_t t = tiles.begin; t < tiles.end; t += 16) {
        f32x16 P = f32x16_load(q->scores + t), dP = f32x16_load(q->gradients + t);
        f32x16 rate = f32x16_load(q->rates + t);
        f32x16_store(q->gradients + t, product_gradient(op, P, dP, rate, q->softmax->mean));
    }
}

enum { ELEMENTS = 4 };  // sums that are reduced together

// Computes elements [i, i + E) of dq of M queries; E is 1 or ELEMENTS. Keys after the last position
// may hold anything.
VD_INLINE void query_elements(const int M, const int E, const vd_segment *segment, int32_t head,
                              const vd_query *q, vd_range tiles, int64_t end, int64_t i) {
    const vd_kv_cache *cache = &segment->op->attention.cache;
    f32x16 acc[VD_GRADIENT_SUMS][ELEMENTS];
    for (int m = 0; m < M; m++) {
        for (int e = 0; e < E; e++) {
            acc[m][e] = f32x16_zero();
        }
    }
    for (int64_t t = tiles.begin; t < tiles.end; t += 16) {
        const float *keys = (const float *)vd_key_tile(cache, segment->blocks, head, t);
        for (int e = 0; e < E; e++) {
            f32x16 k = f32x16_load(keys + (i + e) * VD_KV_LANES);
            k = t + 16 <= end ? k : f32x16_blend_first(k, end - t, f32x16_zero());
            for (int m = 0; m < M; m++) {
                acc[m][e] = f32x16_fma(f32x16_load(q[m].gradients + t), k, acc[m][e]);
            }
        }
    }
    for (int m = 0; m < M; m++) {
        if (E == ELEMENTS) {
            f32x16_reduce_add_four(q[m].dq + i, acc[m]);
        } else {
            q[m].dq[i] = f32x16_reduce_add(acc[m][0]);
        }
    }
}

VD_INLINE void query_gradients(const int M, const vd_segment *segment, int32_t head,
                               const vd_query *q, vd_range tiles, int64_t end) {
    int64_t d_h = segment->op->attention.cache.d_h, i = 0;
    for (; i + ELEMENTS <= d_h; i += ELEMENTS) {
        query_elements(M, ELEMENTS, segment, head, q, tiles, end, i);
    }
    for (; i < d_h; i++) {
        query_elements(M, 1, segment, head, q, tiles, end, i);
    }
}

// Processes at most VD_BACKWARD_QUERIES queries of ascending tokens.
static void some_queries(const vd_segment *segment, int32_t head, const vd_query *q, int64_t n,
                         float *values) {
    const vd_attention *op = &segment->op->attention;
    const int64_t many = VD_GRADIENT_TILES * VD_KV_LANES;
    int64_t end = q[n - 1].end;
    vd_range tiles = {q[0].first / 16 * 16, (end + 15) / 16 * 16};
    int64_t t = tiles.begin;
    for (; t + many <= tiles.end; t += many) {
        score_queries(VD_GRADIENT_TILES, segment, head, q, n, t, values);
    }
    for (; t < tiles.end; t += VD_KV_LANES) {
        score_queries(1, segment, head, q, n, t, values);
    }
    for (int64_t m = 0; m < n; m++) {
        softmax_backward(op, q + m, tiles);
    }
    int64_t m = 0;
    for (; m + VD_GRADIENT_SUMS <= n; m += VD_GRADIENT_SUMS) {
        query_gradients(VD_GRADIENT_SUMS, segment, head, q + m, tiles, end);
    }
    for (; m < n; m++) {
        query_gradients(1, segment, head, q + m, tiles, end);
    }
}

static void VD_NAME(vd_query_backward)(const vd_segment *segment, int32_t head, vd_range tokens,
                                       void *scratch) {
    const vd_attention *op = &segment->op->attention;
    int32_t group = op->H / op->cache.H_kv;
    int64_t max_queries = vd_queries(segment), stride = vd_query_row(segment);
    float *values = scratch;
    float *rows = values + VD_BACKWARD_TILES * VD_KV_LANES * op->cache.d_v;
    vd_query queries[VD_BACKWARD_QUERIES];
    int64_t n = 0;
    for (int64_t row = tokens.begin; row < tokens.end; row++) {
        for (int32_t h = head * group; h < (head + 1) * group; h++) {
            vd_query *q = &queries[n];
            *q = query_at(segment, row, h);
            q->scores = rows + 3 * stride * n;
            q->gradients = q->scores + stride;
            q->rates = q->gradients + stride;
            int last = row == tokens.end - 1 && h == (head + 1) * group - 1;
            if (++n == max_queries || last) {
                some_queries(segment, head, queries, n, values);
                n = 0;
            }
        }
    }
}

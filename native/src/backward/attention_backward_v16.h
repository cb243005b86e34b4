// attention backward over 16 lanes, which are adjacent positions: a tile of keys as it lies in the
// cache, and one of values turned the same way. Lanes of positions that a query does not attend to
// get the score -infinity, and with it the probability 0.
#include <math.h>
#include <string.h>

#include "backward/attention_backward.h"
#include "simd/exp_v16.h"
#include "simd/tanh_v16.h"

typedef struct vd_query {
    const float *q;
    const float *dz;
    float *dq;
    vd_softmax_statistics *softmax;
    float sink;
    float slope;
    int64_t first;  // position that it attends to
    int64_t end;
    float *scores;     // of all positions; then probabilities
    float *gradients;  // with respect to these; then to the products of query and keys
    float *rates;      // of a capped score, by which it follows the product
} vd_query;

// The query of a row and head, without its rows of scores.
static vd_query query_at(const vd_token_run *run, int64_t row, int32_t head) {
    const vd_attention *op = &run->op->attention;
    int64_t offset = vd_query_offset(op, row, head), end = run->positions[row] + 1;
    return (vd_query){
        .q = op->q + offset,
        .dz = run->op->dz + vd_result_offset(op, row, head),
        .dq = run->op->dq + offset,
        .softmax = vd_softmax_of(run->op, row, head),
        .sink = op->sinks == NULL ? -INFINITY : op->sinks[head],
        .slope = op->slopes == NULL ? 0.0f : op->slopes[head],
        .first = vd_first_position(op, end),
        .end = end,
    };
}

// Sets the lanes of positions from t on that the query does not attend to.
static void mask(float *lanes, const vd_query *q, int64_t t, float value) {
    if (t < q->first || t + VD_KV_LANES > q->end) {
        for (int64_t i = 0; i < VD_KV_LANES; i++) {
            lanes[i] = t + i < q->first || t + i >= q->end ? value : lanes[i];
        }
    }
}

// The values of 16 positions from t on, as [d_v, 16].
static void turn_values(const vd_kv_cache *cache, const int32_t *blocks, int32_t head, int64_t t,
                        float *turned) {
    const float *values = (const float *)vd_value_row(cache, blocks, head, t);
    for (int64_t i = 0; i < cache->d_v; i++) {
        for (int64_t lane = 0; lane < VD_KV_LANES; lane++) {
            turned[i * VD_KV_LANES + lane] = values[lane * cache->d_v + i];
        }
    }
}

// q . k and dz . v for M queries.
VD_INLINE void products(const int M, const vd_kv_cache *cache, const vd_query *q, const float *keys,
                        const float *values, v16 *s, v16 *dP) {
    for (int m = 0; m < M; m++) {
        s[m] = v16_zero();
        dP[m] = v16_zero();
    }
    for (int64_t i = 0; i < cache->d_h; i++) {
        v16 k = v16_load(keys + i * VD_KV_LANES);
        for (int m = 0; m < M; m++) {
            s[m] = v16_fma(v16_splat(q[m].q[i]), k, s[m]);
        }
    }
    for (int64_t i = 0; i < cache->d_v; i++) {
        v16 v = v16_load(values + i * VD_KV_LANES);
        for (int m = 0; m < M; m++) {
            dP[m] = v16_fma(v16_splat(q[m].dz[i]), v, dP[m]);
        }
    }
}

// The scores of positions from t on, out of the products s; *rate is 1 without a cap.
VD_INLINE v16 score_of(const vd_attention *op, const vd_query *q, v16 s, int64_t t, v16 *rate) {
    static const float lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    s = v16_mul(v16_splat(op->scale), s);
    *rate = v16_splat(1.0f);
    if (op->cap > 0) {
        v16 r = v16_tanh(v16_mul(s, v16_splat(1.0f / op->cap)));
        s = v16_mul(v16_splat(op->cap), r);
        *rate = v16_fma(v16_negate(r), r, v16_splat(1.0f));
    }
    if (op->slopes != NULL) {
        v16 distances = v16_add(v16_load(lanes), v16_splat((float)(t + 1 - q->end)));
        s = v16_fma(v16_splat(q->slope), distances, s);
    }
    return s;
}

VD_INLINE v16 probability(v16 s, const vd_softmax_statistics *softmax) {
    v16 e = v16_exp(v16_sub(s, v16_splat(softmax->maximum)));
    return v16_mul(e, v16_splat(softmax->inverse));
}

// The gradient with respect to q . k.
VD_INLINE v16 product_gradient(const vd_attention *op, v16 P, v16 dP, v16 rate, float mean) {
    v16 g = v16_mul(P, v16_sub(dP, v16_splat(mean)));
    g = op->cap > 0 ? v16_mul(g, rate) : g;
    return v16_mul(g, v16_splat(op->scale));
}

// ---- queries ----------------------------------------------------------------------------------

VD_INLINE void score_tile(const int M, const vd_attention *op, const vd_query *q, const float *keys,
                          const float *values, int64_t t) {
    v16 s[VD_GRADIENT_QUERIES], dP[VD_GRADIENT_QUERIES];
    products(M, &op->cache, q, keys, values, s, dP);
    for (int m = 0; m < M; m++) {
        v16 rate;
        v16_store(q[m].scores + t, score_of(op, &q[m], s[m], t, &rate));
        v16_store(q[m].rates + t, rate);
        v16_store(q[m].gradients + t, dP[m]);
        mask(q[m].scores + t, &q[m], t, -INFINITY);
        mask(q[m].gradients + t, &q[m], t, 0.0f);
        mask(q[m].rates + t, &q[m], t, 0.0f);
    }
}

// Scores become probabilities, and gradients those with respect to q . k, over positions [t, end).
static void softmax_backward(const vd_attention *op, const vd_query *q, vd_range tiles) {
    v16 greatest = v16_splat(q->sink), sum = v16_zero(), products_sum = v16_zero();
    for (int64_t t = tiles.begin; t < tiles.end; t += 16) {
        greatest = v16_max(v16_load(q->scores + t), greatest);
    }
    float M = v16_greatest(greatest) + 0.0f;
    for (int64_t t = tiles.begin; t < tiles.end; t += 16) {
        v16 e = v16_exp(v16_sub(v16_load(q->scores + t), v16_splat(M)));
        v16_store(q->scores + t, e);
        sum = v16_add(sum, e);
    }
    float L = v16_merge(sum);
    if (op->sinks != NULL) {
        float e[16];
        v16_store(e, v16_exp(v16_splat(q->sink - M)));
        L += e[0];
    }
    float inverse = 1.0f / L;
    for (int64_t t = tiles.begin; t < tiles.end; t += 16) {
        v16 P = v16_mul(v16_load(q->scores + t), v16_splat(inverse));
        v16_store(q->scores + t, P);
        products_sum = v16_fma(P, v16_load(q->gradients + t), products_sum);
    }
    *q->softmax = (vd_softmax_statistics){M, inverse, v16_merge(products_sum)};
    for (int64_t t = tiles.begin; t < tiles.end; t += 16) {
        v16 P = v16_load(q->scores + t), dP = v16_load(q->gradients + t);
        v16 rate = v16_load(q->rates + t);
        v16_store(q->gradients + t, product_gradient(op, P, dP, rate, q->softmax->mean));
    }
}

enum { ELEMENTS = 4 };  // whose sums merge together

// Elements [i, i + E), one or ELEMENTS, of dq of M queries. Keys behind the last position may be
// anything.
VD_INLINE void query_elements(const int M, const int E, const vd_token_run *run, int32_t head,
                              const vd_query *q, vd_range tiles, int64_t end, int64_t i) {
    const vd_kv_cache *cache = &run->op->attention.cache;
    v16 acc[VD_GRADIENT_SUMS][ELEMENTS];
    for (int m = 0; m < M; m++) {
        for (int e = 0; e < E; e++) {
            acc[m][e] = v16_zero();
        }
    }
    for (int64_t t = tiles.begin; t < tiles.end; t += 16) {
        const float *keys = (const float *)vd_key_tile(cache, run->blocks, head, t);
        for (int e = 0; e < E; e++) {
            v16 k = v16_load(keys + (i + e) * VD_KV_LANES);
            k = t + 16 <= end ? k : v16_keep(k, end - t, v16_zero());
            for (int m = 0; m < M; m++) {
                acc[m][e] = v16_fma(v16_load(q[m].gradients + t), k, acc[m][e]);
            }
        }
    }
    for (int m = 0; m < M; m++) {
        if (E == ELEMENTS) {
            v16_merge_four(q[m].dq + i, acc[m]);
        } else {
            q[m].dq[i] = v16_merge(acc[m][0]);
        }
    }
}

VD_INLINE void query_gradients(const int M, const vd_token_run *run, int32_t head,
                               const vd_query *q, vd_range tiles, int64_t end) {
    int64_t d_h = run->op->attention.cache.d_h, i = 0;
    for (; i + ELEMENTS <= d_h; i += ELEMENTS) {
        query_elements(M, ELEMENTS, run, head, q, tiles, end, i);
    }
    for (; i < d_h; i++) {
        query_elements(M, 1, run, head, q, tiles, end, i);
    }
}

// Queries of ascending tokens, at most VD_BACKWARD_QUERIES.
static void some_queries(const vd_token_run *run, int32_t head, const vd_query *q, int64_t n,
                         float *values) {
    const vd_attention *op = &run->op->attention;
    const int M = VD_GRADIENT_QUERIES;
    int64_t end = q[n - 1].end;
    vd_range tiles = {q[0].first / 16 * 16, (end + 15) / 16 * 16};
    for (int64_t t = tiles.begin; t < tiles.end; t += 16) {
        const float *keys = (const float *)vd_key_tile(&op->cache, run->blocks, head, t);
        turn_values(&op->cache, run->blocks, head, t, values);
        int64_t m = 0;
        for (; m + M <= n; m += M) {
            score_tile(M, op, q + m, keys, values, t);
        }
        for (; m < n; m++) {
            score_tile(1, op, q + m, keys, values, t);
        }
    }
    for (int64_t m = 0; m < n; m++) {
        softmax_backward(op, q + m, tiles);
    }
    int64_t m = 0;
    for (; m + VD_GRADIENT_SUMS <= n; m += VD_GRADIENT_SUMS) {
        query_gradients(VD_GRADIENT_SUMS, run, head, q + m, tiles, end);
    }
    for (; m < n; m++) {
        query_gradients(1, run, head, q + m, tiles, end);
    }
}

static void VD_NAME(vd_query_backward)(const vd_token_run *run, int32_t head, vd_range tokens,
                                       void *scratch) {
    const vd_attention *op = &run->op->attention;
    int32_t group = op->H / op->cache.H_kv;
    int64_t most = vd_queries(run), stride = vd_query_row(run);
    float *values = scratch, *rows = values + VD_KV_LANES * op->cache.d_v;
    vd_query queries[VD_BACKWARD_QUERIES];
    int64_t n = 0;
    for (int64_t row = tokens.begin; row < tokens.end; row++) {
        for (int32_t h = head * group; h < (head + 1) * group; h++) {
            vd_query *q = &queries[n];
            *q = query_at(run, row, h);
            q->scores = rows + 3 * stride * n;
            q->gradients = q->scores + stride;
            q->rates = q->gradients + stride;
            int last = row == tokens.end - 1 && h == (head + 1) * group - 1;
            if (++n == most || last) {
                some_queries(run, head, queries, n, values);
                n = 0;
            }
        }
    }
}

// ---- keys and values --------------------------------------------------------------------------

// The gradients with respect to keys [d_h, 16] and values [d_v, 16] of 16 positions, and these.
typedef struct key_tile {
    const float *keys;
    const float *values;
    float *dk;
    float *dv;
    int64_t t;
} key_tile;

VD_INLINE void add_queries(const int M, const vd_attention *op, const vd_query *q,
                           const key_tile *tile) {
    v16 s[VD_GRADIENT_QUERIES], g[VD_GRADIENT_QUERIES], P[VD_GRADIENT_QUERIES];
    products(M, &op->cache, q, tile->keys, tile->values, s, g);
    for (int m = 0; m < M; m++) {
        v16 rate;
        float scores[VD_KV_LANES];
        v16_store(scores, score_of(op, &q[m], s[m], tile->t, &rate));
        mask(scores, &q[m], tile->t, -INFINITY);
        P[m] = probability(v16_load(scores), q[m].softmax);
        g[m] = product_gradient(op, P[m], g[m], rate, q[m].softmax->mean);
    }
    for (int64_t i = 0; i < op->cache.d_h; i++) {
        v16 dk = v16_load(tile->dk + i * VD_KV_LANES);
        for (int m = 0; m < M; m++) {
            dk = v16_fma(g[m], v16_splat(q[m].q[i]), dk);
        }
        v16_store(tile->dk + i * VD_KV_LANES, dk);
    }
    for (int64_t i = 0; i < op->cache.d_v; i++) {
        v16 dv = v16_load(tile->dv + i * VD_KV_LANES);
        for (int m = 0; m < M; m++) {
            dv = v16_fma(P[m], v16_splat(q[m].dz[i]), dv);
        }
        v16_store(tile->dv + i * VD_KV_LANES, dv);
    }
}

// Adds the queries of a head in rows [begin, end).
static void add_head(const vd_token_run *run, int32_t head, vd_range rows, const key_tile *tile) {
    const int M = VD_GRADIENT_QUERIES;
    vd_query q[VD_GRADIENT_QUERIES];
    for (int64_t row = rows.begin; row < rows.end; row += M) {
        int64_t n = vd_at_most(rows.end - row, M);
        for (int64_t m = 0; m < n; m++) {
            q[m] = query_at(run, row + m, head);
        }
        if (n == M) {
            add_queries(M, &run->op->attention, q, tile);
        } else {
            for (int64_t m = 0; m < n; m++) {
                add_queries(1, &run->op->attention, q + m, tile);
            }
        }
    }
}

// Rows of the run that attend to some of the positions [t, t + 16).
static vd_range attending(const vd_token_run *run, int64_t t) {
    vd_range rows = run->rows;
    while (rows.begin < rows.end && run->positions[rows.begin] < t) {
        rows.begin++;
    }
    while (rows.end > rows.begin &&
           vd_first_position(&run->op->attention, run->positions[rows.end - 1] + 1) >=
               t + VD_KV_LANES) {
        rows.end--;
    }
    return rows;
}

static void VD_NAME(vd_key_value_backward)(const vd_token_run *run, int32_t head, int64_t t,
                                           void *scratch) {
    const vd_attention_backward *b = run->op;
    const vd_kv_cache *cache = &b->attention.cache;
    int64_t d_h = cache->d_h, d_v = cache->d_v, floats = (d_h + d_v) * VD_KV_LANES;
    float *dk = scratch, *dv = dk + d_h * VD_KV_LANES, *values = dk + floats;
    int32_t group = b->attention.H / cache->H_kv;
    key_tile tile = {(const float *)vd_key_tile(cache, run->blocks, head, t), values, dk, dv, t};
    turn_values(cache, run->blocks, head, t, values);
    memset(dk, 0, (size_t)floats * sizeof *dk);
    vd_range rows = attending(run, t);
    for (int32_t h = head * group; h < (head + 1) * group; h++) {
        add_head(run, h, rows, &tile);
    }
    for (int64_t row = rows.begin; row < run->rows.end && run->positions[row] < t + VD_KV_LANES;
         row++) {
        int64_t to = row * cache->H_kv + head, lane = run->positions[row] - t;
        for (int64_t i = 0; i < d_h; i++) {
            b->dk[to * d_h + i] = dk[i * VD_KV_LANES + lane] + 0.0f;
        }
        for (int64_t i = 0; i < d_v; i++) {
            b->dv[to * d_v + i] = dv[i * VD_KV_LANES + lane] + 0.0f;
        }
    }
}

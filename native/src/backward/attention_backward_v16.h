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

// Elements [i, i + 16) of four rows of d floats, as columns of `turned` [d, 16].
VD_INLINE void turn_rows(const float *rows, int64_t d, int64_t i, float *turned) {
    v64 units[4];
    float quarters[4][VD_KV_LANES];
    for (int row = 0; row < 4; row++) {
        units[row] = v64_load(rows + row * d + i);
    }
    v64_turn_four(units);
    for (int e = 0; e < 4; e++) {
        v64_store(quarters[e], units[e]);
        for (int q = 0; q < 4; q++) {
            memcpy(turned + (i + 4 * q + e) * VD_KV_LANES, quarters[e] + 4 * q, 16);
        }
    }
}

// The values of 16 positions from t on, as [d_v, 16].
static void turn_values(const vd_kv_cache *cache, const int32_t *blocks, int32_t head, int64_t t,
                        float *turned) {
    const float *values = (const float *)vd_value_row(cache, blocks, head, t);
    int64_t d = cache->d_v, whole = d / 16 * 16;
    for (int64_t lane = 0; lane < VD_KV_LANES; lane += 4) {
        for (int64_t i = 0; i < whole; i += 16) {
            turn_rows(values + lane * d, d, i, turned + lane);
        }
        for (int64_t i = whole; i < d; i++) {
            for (int64_t l = lane; l < lane + 4; l++) {
                turned[i * VD_KV_LANES + l] = values[l * d + i];
            }
        }
    }
}

// Tiles of positions, adjacent ones: keys [d_h, 16] and values [d_v, 16].
typedef struct position_tiles {
    const float *keys[VD_GRADIENT_TILES];
    const float *values[VD_GRADIENT_TILES];
} position_tiles;

// Those of positions from t on; values are turned into `turned`.
VD_INLINE position_tiles tiles_at(const int T, const vd_kv_cache *cache, const int32_t *blocks,
                                  int32_t head, int64_t t, float *turned) {
    position_tiles x;
    for (int j = 0; j < T; j++) {
        float *values = turned + j * VD_KV_LANES * cache->d_v;
        turn_values(cache, blocks, head, t + j * VD_KV_LANES, values);
        x.keys[j] = (const float *)vd_key_tile(cache, blocks, head, t + j * VD_KV_LANES);
        x.values[j] = values;
    }
    return x;
}

// For M rows and T tiles: sums over n elements i of rows[m][i] * lanes[j][i].
VD_INLINE void dot_rows(const int M, const int T, const float *const *rows,
                        const float *const *lanes, int64_t n,
                        v16 sums[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES]) {
    for (int j = 0; j < T; j++) {
        for (int m = 0; m < M; m++) {
            sums[j][m] = v16_zero();
        }
    }
    for (int64_t i = 0; i < n; i++) {
        v16 x[VD_GRADIENT_TILES];
        for (int j = 0; j < T; j++) {
            x[j] = v16_load(lanes[j] + i * VD_KV_LANES);
        }
        for (int m = 0; m < M; m++) {
            v16 row = v16_splat(rows[m][i]);
            for (int j = 0; j < T; j++) {
                sums[j][m] = v16_fma(row, x[j], sums[j][m]);
            }
        }
    }
}

// q . k and dz . v for M queries and T tiles.
VD_INLINE void products(const int M, const int T, const vd_kv_cache *cache, const vd_query *q,
                        const position_tiles *x, v16 s[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES],
                        v16 dP[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES]) {
    const float *queries[VD_GRADIENT_QUERIES], *gradients[VD_GRADIENT_QUERIES];
    for (int m = 0; m < M; m++) {
        queries[m] = q[m].q;
        gradients[m] = q[m].dz;
    }
    dot_rows(M, T, queries, x->keys, cache->d_h, s);
    dot_rows(M, T, gradients, x->values, cache->d_v, dP);
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

VD_INLINE void score_tiles(const int M, const int T, const vd_attention *op, const vd_query *q,
                           const position_tiles *x, int64_t begin) {
    v16 s[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES], dP[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES];
    products(M, T, &op->cache, q, x, s, dP);
    for (int j = 0; j < T; j++) {
        int64_t t = begin + j * VD_KV_LANES;
        for (int m = 0; m < M; m++) {
            v16 rate;
            v16_store(q[m].scores + t, score_of(op, &q[m], s[j][m], t, &rate));
            v16_store(q[m].rates + t, rate);
            v16_store(q[m].gradients + t, dP[j][m]);
            mask(q[m].scores + t, &q[m], t, -INFINITY);
            mask(q[m].gradients + t, &q[m], t, 0.0f);
            mask(q[m].rates + t, &q[m], t, 0.0f);
        }
    }
}

// Scores of n queries and positions of T tiles from t on.
VD_INLINE void score_queries(const int T, const vd_token_run *run, int32_t head, const vd_query *q,
                             int64_t n, int64_t t, float *values) {
    const vd_attention *op = &run->op->attention;
    const int M = VD_GRADIENT_QUERIES;
    position_tiles x = tiles_at(T, &op->cache, run->blocks, head, t, values);
    int64_t m = 0;
    for (; m + M <= n; m += M) {
        score_tiles(M, T, op, q + m, &x, t);
    }
    for (; m < n; m++) {
        score_tiles(1, T, op, q + m, &x, t);
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
    const int64_t many = VD_GRADIENT_TILES * VD_KV_LANES;
    int64_t end = q[n - 1].end;
    vd_range tiles = {q[0].first / 16 * 16, (end + 15) / 16 * 16};
    int64_t t = tiles.begin;
    for (; t + many <= tiles.end; t += many) {
        score_queries(VD_GRADIENT_TILES, run, head, q, n, t, values);
    }
    for (; t < tiles.end; t += VD_KV_LANES) {
        score_queries(1, run, head, q, n, t, values);
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
    float *values = scratch;
    float *rows = values + VD_BACKWARD_TILES * VD_KV_LANES * op->cache.d_v;
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

// Positions of VD_BACKWARD_TILES tiles from t on, and in scratch memory the gradients with respect
// to their keys [d_h, 16] and values [d_v, 16].
typedef struct key_gradients {
    const vd_token_run *run;
    int32_t head;  // of keys and values
    int64_t t;
    float *dk[VD_BACKWARD_TILES];
    float *dv[VD_BACKWARD_TILES];
    float *values;  // turned
} key_gradients;

// sums[j] += the sum over M queries of factors[j][m] * rows[m], in this order, for n elements.
VD_INLINE void add_rows(const int M, const int T, const float *const *rows,
                        v16 factors[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES], int64_t n,
                        float *const *sums) {
    for (int64_t i = 0; i < n; i++) {
        v16 sum[VD_GRADIENT_TILES];
        for (int j = 0; j < T; j++) {
            sum[j] = v16_load(sums[j] + i * VD_KV_LANES);
        }
        for (int m = 0; m < M; m++) {
            v16 row = v16_splat(rows[m][i]);
            for (int j = 0; j < T; j++) {
                sum[j] = v16_fma(factors[j][m], row, sum[j]);
            }
        }
        for (int j = 0; j < T; j++) {
            v16_store(sums[j] + i * VD_KV_LANES, sum[j]);
        }
    }
}

// Adds M queries to T tiles of g from the one at position `begin` on.
VD_INLINE void add_queries(const int M, const int T, const vd_attention *op, const vd_query *q,
                           const position_tiles *x, int64_t begin, float *const *dk,
                           float *const *dv) {
    v16 g[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES], P[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES];
    v16 s[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES];
    const float *queries[VD_GRADIENT_QUERIES], *gradients[VD_GRADIENT_QUERIES];
    products(M, T, &op->cache, q, x, s, g);
    for (int j = 0; j < T; j++) {
        int64_t t = begin + j * VD_KV_LANES;
        for (int m = 0; m < M; m++) {
            v16 rate;
            float scores[VD_KV_LANES];
            v16_store(scores, score_of(op, &q[m], s[j][m], t, &rate));
            mask(scores, &q[m], t, -INFINITY);
            P[j][m] = probability(v16_load(scores), q[m].softmax);
            g[j][m] = product_gradient(op, P[j][m], g[j][m], rate, q[m].softmax->mean);
        }
    }
    for (int m = 0; m < M; m++) {
        queries[m] = q[m].q;
        gradients[m] = q[m].dz;
    }
    add_rows(M, T, queries, g, op->cache.d_h, dk);
    add_rows(M, T, gradients, P, op->cache.d_v, dv);
}

// Adds the queries of a head in some rows to T tiles from tile j on.
VD_INLINE void add_head(const int T, const key_gradients *k, int j, int32_t head, vd_range rows,
                        const position_tiles *x) {
    const int M = VD_GRADIENT_QUERIES;
    const vd_attention *op = &k->run->op->attention;
    int64_t t = k->t + j * VD_KV_LANES;
    vd_query q[VD_GRADIENT_QUERIES];
    for (int64_t row = rows.begin; row < rows.end; row += M) {
        int64_t n = vd_at_most(rows.end - row, M);
        for (int64_t m = 0; m < n; m++) {
            q[m] = query_at(k->run, row + m, head);
        }
        if (n == M) {
            add_queries(M, T, op, q, x, t, k->dk + j, k->dv + j);
        } else {
            for (int64_t m = 0; m < n; m++) {
                add_queries(1, T, op, q + m, x, t, k->dk + j, k->dv + j);
            }
        }
    }
}

// Rows of the run that attend to some of the positions [t, end).
static vd_range attending(const vd_token_run *run, int64_t t, int64_t end) {
    vd_range rows = run->rows;
    while (rows.begin < rows.end && run->positions[rows.begin] < t) {
        rows.begin++;
    }
    while (rows.end > rows.begin &&
           vd_first_position(&run->op->attention, run->positions[rows.end - 1] + 1) >= end) {
        rows.end--;
    }
    return rows;
}

// Adds all queries to T tiles from tile j on.
VD_INLINE void add_heads(const int T, const key_gradients *k, int j) {
    const vd_attention *op = &k->run->op->attention;
    int32_t group = op->H / op->cache.H_kv;
    int64_t t = k->t + j * VD_KV_LANES;
    position_tiles x = tiles_at(T, &op->cache, k->run->blocks, k->head, t, k->values);
    vd_range rows = attending(k->run, t, t + T * VD_KV_LANES);
    for (int32_t h = k->head * group; h < (k->head + 1) * group; h++) {
        add_head(T, k, j, h, rows, &x);
    }
}

static void store_gradients(const key_gradients *k, int64_t row) {
    const vd_attention_backward *b = k->run->op;
    const vd_kv_cache *cache = &b->attention.cache;
    int64_t to = row * cache->H_kv + k->head, at = k->run->positions[row] - k->t;
    const float *dk = k->dk[at / VD_KV_LANES] + at % VD_KV_LANES;
    const float *dv = k->dv[at / VD_KV_LANES] + at % VD_KV_LANES;
    for (int64_t i = 0; i < cache->d_h; i++) {
        b->dk[to * cache->d_h + i] = dk[i * VD_KV_LANES] + 0.0f;
    }
    for (int64_t i = 0; i < cache->d_v; i++) {
        b->dv[to * cache->d_v + i] = dv[i * VD_KV_LANES] + 0.0f;
    }
}

static void VD_NAME(vd_key_value_backward)(const vd_token_run *run, int32_t head, int64_t t,
                                           void *scratch) {
    const vd_kv_cache *cache = &run->op->attention.cache;
    int64_t d_h = cache->d_h, d_v = cache->d_v, floats = (d_h + d_v) * VD_KV_LANES;
    float *sums = scratch;
    key_gradients k = {run, head, t, {NULL}, {NULL}, sums + VD_BACKWARD_TILES * floats};
    for (int j = 0; j < VD_BACKWARD_TILES; j++) {
        k.dk[j] = sums + j * floats;
        k.dv[j] = k.dk[j] + d_h * VD_KV_LANES;
    }
    memset(sums, 0, (size_t)(VD_BACKWARD_TILES * floats) * sizeof *sums);
    vd_range own = attending(run, t, t + VD_KEYS);
    for (int j = 0; j < VD_BACKWARD_TILES; j += VD_GRADIENT_TILES) {
        add_heads(VD_GRADIENT_TILES, &k, j);
    }
    for (int64_t row = own.begin; row < run->rows.end && run->positions[row] < t + VD_KEYS; row++) {
        store_gradients(&k, row);
    }
}

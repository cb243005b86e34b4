// The gradient with respect to keys and values: tiles of positions accumulate the contributions of
// all queries that attend to them.
#include "backward/attention_backward_v16.h"

// VD_BACKWARD_TILES tiles of positions from t on and, in scratch memory, the gradients with respect
// to their keys [d_h, 16] and values [d_v, 16].
typedef struct key_gradients {
    const vd_segment *segment;
    int32_t head;  // key-value head
    int64_t t;
    float *dk[VD_BACKWARD_TILES];
    float *dv[VD_BACKWARD_TILES];
    float *values;  // transposed
} key_gradients;

// Adds to sums[j] the sum over M queries of factors[j][m] * rows[m], in this order, for n elements.
VD_INLINE void add_rows(const int M, const int T, const float *const *rows,
                        f32x16 factors[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES], int64_t n,
                        float *const *sums) {
    for (int64_t i = 0; i < n; i++) {
        f32x16 sum[VD_GRADIENT_TILES];
        for (int j = 0; j < T; j++) {
            sum[j] = f32x16_load(sums[j] + i * VD_KV_LANES);
        }
        for (int m = 0; m < M; m++) {
            f32x16 row = f32x16_splat(rows[m][i]);
            for (int j = 0; j < T; j++) {
                sum[j] = f32x16_fma(factors[j][m], row, sum[j]);
            }
        }
        for (int j = 0; j < T; j++) {
            f32x16_store(sums[j] + i * VD_KV_LANES, sum[j]);
        }
    }
}

// Adds M queries to T tiles, from the one at position `begin` on.
VD_INLINE void add_queries(const int M, const int T, const vd_attention *op, const vd_query *q,
                           const position_tiles *x, int64_t begin, float *const *dk,
                           float *const *dv) {
    f32x16 g[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES], P[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES];
    f32x16 s[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES];
    query_rows rows = rows_of(M, q);
    products(M, T, &op->cache, &rows, x, s, g);
    for (int j = 0; j < T; j++) {
        int64_t t = begin + j * VD_KV_LANES;
        for (int m = 0; m < M; m++) {
            f32x16 rate;
            float scores[VD_KV_LANES];
            f32x16_store(scores, score_of(op, &q[m], s[j][m], t, &rate));
            mask(scores, &q[m], t, -INFINITY);
            P[j][m] = probability(f32x16_load(scores), q[m].softmax);
            g[j][m] = product_gradient(op, P[j][m], g[j][m], rate, q[m].softmax->mean);
        }
    }
    add_rows(M, T, rows.q, g, op->cache.d_h, dk);
    add_rows(M, T, rows.dz, P, op->cache.d_v, dv);
}

// Adds the queries of a head in some rows to T tiles from tile j on.
VD_INLINE void add_head(const int T, const key_gradients *k, int j, int32_t head, vd_range rows,
                        const position_tiles *x) {
    const int M = VD_GRADIENT_QUERIES;
    const vd_attention *op = &k->segment->op->attention;
    int64_t t = k->t + j * VD_KV_LANES;
    vd_query q[VD_GRADIENT_QUERIES];
    for (int64_t row = rows.begin; row < rows.end; row += M) {
        int64_t n = vd_min(rows.end - row, M);
        for (int64_t m = 0; m < n; m++) {
            q[m] = query_at(k->segment, row + m, head);
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

// Returns the rows of the segment that attend to some of the positions [t, end).
static vd_range attending(const vd_segment *segment, int64_t t, int64_t end) {
    vd_range rows = segment->rows;
    while (rows.begin < rows.end && segment->positions[rows.begin] < t) {
        rows.begin++;
    }
    while (rows.end > rows.begin &&
           vd_first_position(&segment->op->attention, segment->positions[rows.end - 1] + 1) >=
               end) {
        rows.end--;
    }
    return rows;
}

// Adds all queries to T tiles from tile j on.
VD_INLINE void add_heads(const int T, const key_gradients *k, int j) {
    const vd_attention *op = &k->segment->op->attention;
    int32_t group = op->H / op->cache.H_kv;
    int64_t t = k->t + j * VD_KV_LANES;
    position_tiles x = tiles_at(T, &op->cache, k->segment->blocks, k->head, t, k->values);
    vd_range rows = attending(k->segment, t, t + T * VD_KV_LANES);
    for (int32_t h = k->head * group; h < (k->head + 1) * group; h++) {
        add_head(T, k, j, h, rows, &x);
    }
}

static void store_gradients(const key_gradients *k, int64_t row) {
    const vd_attention_backward *b = k->segment->op;
    const vd_kv_cache *cache = &b->attention.cache;
    int64_t to = row * cache->H_kv + k->head, at = k->segment->positions[row] - k->t;
    const float *dk = k->dk[at / VD_KV_LANES] + at % VD_KV_LANES;
    const float *dv = k->dv[at / VD_KV_LANES] + at % VD_KV_LANES;
    for (int64_t i = 0; i < cache->d_h; i++) {
        b->dk[to * cache->d_h + i] = dk[i * VD_KV_LANES] + 0.0f;
    }
    for (int64_t i = 0; i < cache->d_v; i++) {
        b->dv[to * cache->d_v + i] = dv[i * VD_KV_LANES] + 0.0f;
    }
}

static void VD_NAME(vd_key_value_backward)(const vd_segment *segment, int32_t head, int64_t t,
                                           void *scratch) {
    const vd_kv_cache *cache = &segment->op->attention.cache;
    int64_t d_h = cache->d_h, d_v = cache->d_v, floats = (d_h + d_v) * VD_KV_LANES;
    float *sums = scratch;
    key_gradients k = {segment, head, t, {NULL}, {NULL}, sums + VD_BACKWARD_TILES * floats};
    for (int j = 0; j < VD_BACKWARD_TILES; j++) {
        k.dk[j] = sums + j * floats;
        k.dv[j] = k.dk[j] + d_h * VD_KV_LANES;
    }
    memset(sums, 0, (size_t)(VD_BACKWARD_TILES * floats) * sizeof *sums);
    vd_range own = attending(segment, t, t + VD_KEYS);
    for (int j = 0; j < VD_BACKWARD_TILES; j += VD_GRADIENT_TILES) {
        add_heads(VD_GRADIENT_TILES, &k, j);
    }
    for (int64_t row = own.begin; row < segment->rows.end && segment->positions[row] < t + VD_KEYS;
         row++) {
        store_gradients(&k, row);
    }
}

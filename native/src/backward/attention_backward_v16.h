// Attention backward over 16 lanes, which are adjacent positions: tiles of keys as the cache stores
// them, and of values transposed to the same order unless they are elements of keys. Positions that
// a query does not attend to get the score -infinity, hence probability 0.
#ifndef VD_BACKWARD_ATTENTION_BACKWARD_V16_H
#define VD_BACKWARD_ATTENTION_BACKWARD_V16_H

#include <math.h>
#include <string.h>

#include "attention/softmax_v16.h"
#include "backward/attention_backward.h"

typedef struct vd_query {
    const float *q;
    const float *dz;
    float *dq;
    vd_softmax_statistics *softmax;
    float sink;
    float slope;
    int64_t first;  // positions [first, end) are attended to
    int64_t end;
    float *scores;     // of all positions; later probabilities
    float *gradients;  // with respect to the scores; later to the products q . k
    float *rates;      // derivatives of capped scores by uncapped ones
} vd_query;

// Returns the query of a row and head, without its rows of scores.
static vd_query query_at(const vd_segment *segment, int64_t row, int32_t head) {
    const vd_attention *op = &segment->op->attention;
    int64_t offset = vd_query_offset(op, row, head), end = segment->positions[row] + 1;
    return (vd_query){
        .q = op->q + offset,
        .dz = segment->op->dz + vd_result_offset(op, row, head),
        .dq = segment->op->dq + offset,
        .softmax = vd_softmax_of(segment->op, row, head),
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

// Transposes elements [i, i + 16) of four rows of d floats into columns of `transposed` [d, 16].
VD_INLINE void transpose_rows(const float *rows, int64_t d, int64_t i, float *transposed) {
    i8x64 units[4];
    float quarters[4][VD_KV_LANES];
    for (int row = 0; row < 4; row++) {
        units[row] = i8x64_load(rows + row * d + i);
    }
    i8x64_transpose_four(units);
    for (int e = 0; e < 4; e++) {
        i8x64_store(quarters[e], units[e]);
        for (int q = 0; q < 4; q++) {
            memcpy(transposed + (i + 4 * q + e) * VD_KV_LANES, quarters[e] + 4 * q, 16);
        }
    }
}

// Transposes the values of 16 positions from t on to [d_v, 16].
static void transpose_values(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                             int64_t t, float *transposed) {
    const float *values = (const float *)vd_value_row(cache, blocks, head, t);
    int64_t d = cache->d_v, whole = d / 16 * 16;
    for (int64_t lane = 0; lane < VD_KV_LANES; lane += 4) {
        for (int64_t i = 0; i < whole; i += 16) {
            transpose_rows(values + lane * d, d, i, transposed + lane);
        }
        for (int64_t i = whole; i < d; i++) {
            for (int64_t l = lane; l < lane + 4; l++) {
                transposed[i * VD_KV_LANES + l] = values[l * d + i];
            }
        }
    }
}

// Adjacent tiles of positions: keys [d_h, 16] and values [d_v, 16].
typedef struct position_tiles {
    const float *keys[VD_GRADIENT_TILES];
    const float *values[VD_GRADIENT_TILES];
} position_tiles;

// Returns T tiles of positions from t on; `transposed` receives values that are not elements of
// keys.
VD_INLINE position_tiles tiles_at(const int T, const vd_kv_cache *cache, const int32_t *blocks,
                                  int32_t head, int64_t t, float *transposed) {
    position_tiles x;
    for (int j = 0; j < T; j++) {
        int64_t first = t + j * VD_KV_LANES;
        x.keys[j] = (const float *)vd_key_tile(cache, blocks, head, first);
        x.values[j] = x.keys[j];
        if (!vd_values_shared(cache)) {
            float *values = transposed + j * VD_KV_LANES * cache->d_v;
            transpose_values(cache, blocks, head, first, values);
            x.values[j] = values;
        }
    }
    return x;
}

// Computes for M rows and T tiles the sums over n elements i of rows[m][i] * lanes[j][i].
VD_INLINE void dot_rows(const int M, const int T, const float *const *rows,
                        const float *const *lanes, int64_t n,
                        f32x16 sums[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES]) {
    for (int j = 0; j < T; j++) {
        for (int m = 0; m < M; m++) {
            sums[j][m] = f32x16_zero();
        }
    }
    for (int64_t i = 0; i < n; i++) {
        f32x16 x[VD_GRADIENT_TILES];
        for (int j = 0; j < T; j++) {
            x[j] = f32x16_load(lanes[j] + i * VD_KV_LANES);
        }
        for (int m = 0; m < M; m++) {
            f32x16 row = f32x16_splat(rows[m][i]);
            for (int j = 0; j < T; j++) {
                sums[j][m] = f32x16_fma(row, x[j], sums[j][m]);
            }
        }
    }
}

// The rows of q and dz of some queries.
typedef struct query_rows {
    const float *q[VD_GRADIENT_QUERIES];
    const float *dz[VD_GRADIENT_QUERIES];
} query_rows;

VD_INLINE query_rows rows_of(const int M, const vd_query *q) {
    query_rows rows;
    for (int m = 0; m < M; m++) {
        rows.q[m] = q[m].q;
        rows.dz[m] = q[m].dz;
    }
    return rows;
}

// Computes q . k and dz . v for M queries and T tiles.
VD_INLINE void products(const int M, const int T, const vd_kv_cache *cache, const query_rows *rows,
                        const position_tiles *x, f32x16 s[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES],
                        f32x16 dP[VD_GRADIENT_TILES][VD_GRADIENT_QUERIES]) {
    dot_rows(M, T, rows->q, x->keys, cache->d_h, s);
    dot_rows(M, T, rows->dz, x->values, cache->d_v, dP);
}

// Returns the scores of positions from t on, given the products s. *rate is 1 without a cap.
VD_INLINE f32x16 score_of(const vd_attention *op, const vd_query *q, f32x16 s, int64_t t,
                          f32x16 *rate) {
    s = f32x16_mul(f32x16_splat(op->scale), s);
    *rate = f32x16_splat(1.0f);
    if (op->cap > 0) {
        f32x16 r = f32x16_tanh(f32x16_mul(s, f32x16_splat(1.0f / op->cap)));
        s = f32x16_mul(f32x16_splat(op->cap), r);
        *rate = f32x16_fma(f32x16_negate(r), r, f32x16_splat(1.0f));
    }
    if (op->slopes != NULL) {
        s = vd_add_alibi(s, q->slope, (int32_t)(t + 1 - q->end));
    }
    return s;
}

VD_INLINE f32x16 probability(f32x16 s, const vd_softmax_statistics *softmax) {
    f32x16 e = f32x16_exp(f32x16_sub(s, f32x16_splat(softmax->maximum)));
    return f32x16_mul(e, f32x16_splat(softmax->inverse));
}

// Returns the gradient with respect to q . k.
VD_INLINE f32x16 product_gradient(const vd_attention *op, f32x16 P, f32x16 dP, f32x16 rate,
                                  float mean) {
    f32x16 g = f32x16_mul(P, f32x16_sub(dP, f32x16_splat(mean)));
    g = op->cap > 0 ? f32x16_mul(g, rate) : g;
    return f32x16_mul(g, f32x16_splat(op->scale));
}

#endif

// Attention in three operations, so that scores and patterns can be observed and edited. Their
// loops are plain: workers share the heads of all tokens, and each head reads the cache for itself.
#include "attention/unfused_attention.h"

#include <math.h>
#include <string.h>

#include "attention/bias.h"
#include "attention/hadamard.h"
#include "attention/kv_cache.h"
#include "attention/window.h"
#include "core/op_impl.h"
#include "quantize/quantize.h"

#define VD_VARIANT(isa, name) [isa] = &vd_unfused_attention_##name,
const vd_unfused_attention_kernel *const vd_unfused_attention_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

static int sizes_valid(const vd_op *op, const vd_kv_cache *cache, int32_t H, int32_t P) {
    return vd_kv_cache_valid(cache) && H > 0 && H % cache->H_kv == 0 && P > 0 &&
           P <= INT32_MAX / H && op->rows == VD_ROWS_TOKENS;
}

vd_status vd_scores_check(const vd_op *op) {
    const vd_scores *scores = &op->as.scores;
    int valid = scores->q != NULL && scores->y != NULL &&
                sizes_valid(op, &scores->cache, scores->H, scores->P) &&
                vd_window_valid(scores->window, scores->shape) && isfinite(scores->scale) &&
                isfinite(scores->cap) && scores->cap >= 0 && vd_reach_valid(scores->reach);
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

vd_status vd_softmax_check(const vd_op *op) {
    const vd_softmax *softmax = &op->as.softmax;
    int valid = softmax->x != NULL && softmax->y != NULL && softmax->H > 0 && softmax->P > 0 &&
                softmax->P <= INT32_MAX / softmax->H &&
                vd_window_valid(softmax->window, softmax->shape) && op->rows == VD_ROWS_TOKENS;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

vd_status vd_attention_values_check(const vd_op *op) {
    const vd_attention_values *values = &op->as.attention_values;
    int valid = values->pattern != NULL && values->softmax != NULL && values->attention != NULL &&
                values->z != NULL && vd_window_valid(0, values->shape) &&
                sizes_valid(op, &values->cache, values->H, values->P);
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// Returns the last position of the sequence of a row if windows need it.
static int32_t last_position(const vd_batch *batch, int64_t row, int32_t shape) {
    return shape == VD_WINDOW_CENTERED ? vd_last_position(batch, row) : batch->positions[row];
}

// Returns query head `head` of H of a row of the batch, attending to all its positions.
static vd_query query_of(const vd_step *step, const vd_kv_cache *cache, int64_t row, int32_t head,
                         int32_t H, int32_t shape) {
    const vd_batch *batch = step->batch;
    return (vd_query){
        .cache = cache,
        .blocks = vd_blocks_of(batch, row),
        .head = head / (H / cache->H_kv),
        .position = batch->positions[row],
        .end = vd_window_end(0, shape, batch->positions[row], last_position(batch, row, shape)),
    };
}

// A quantized query.
typedef struct quants {
    int8_t q[VD_HEAD_MAX];
    float scale[VD_HEAD_MAX / VD_BLOCK];
    int32_t sum[VD_HEAD_MAX / VD_SUM_BLOCK];
    float scaled_sum[VD_HEAD_MAX / VD_BLOCK];
} quants;

static void quantize(vd_query *query, vd_isa isa, quants *own) {
    vd_quantized y = {own->q, own->scale, own->sum, own->scaled_sum};
    int64_t d_h = query->cache->d_h;
    float q[VD_HEAD_MAX];
    vd_rotate(query->q, q, d_h, vd_rotation(query->cache, d_h));
    vd_quantize_kernels[isa](q, y, (vd_range){0, d_h / VD_BLOCK});
    query->quants = own->q;
    query->scale = own->scale;
    query->sum = own->sum;
}

// Sets y to `value` outside positions [first, end) of P.
static void fill_outside(float *y, int32_t first, int32_t end, int32_t P, float value) {
    for (int32_t t = 0; t < first; t++) {
        y[t] = value;
    }
    for (int32_t t = end; t < P; t++) {
        y[t] = value;
    }
}

void vd_scores_run(const vd_op *op, const vd_step *step) {
    const vd_scores *scores = &op->as.scores;
    vd_range heads = vd_share(step->worker, step->rows * scores->H);
    quants own;
    for (int64_t i = heads.begin; i < heads.end; i++) {
        int32_t head = (int32_t)(i % scores->H);
        vd_query query =
            query_of(step, &scores->cache, i / scores->H, head, scores->H, scores->shape);
        query.q = scores->q + i * scores->cache.d_h;
        query.slope = scores->slopes == NULL ? 0.0f : scores->slopes[head];
        query.bias = vd_own_bias(scores->biases, scores->reach, head);
        query.first = vd_window_begin(scores->window, scores->shape, query.position);
        query.end = vd_window_end(scores->window, scores->shape, query.position, query.end - 1);
        if (vd_kv_scaled(scores->cache.type)) {
            quantize(&query, step->isa, &own);
        }
        float *y = scores->y + i * scores->P;
        vd_unfused_attention_kernels[step->isa]->scores(scores, &query, y);
        fill_outside(y, query.first, query.end, scores->P, -INFINITY);
    }
}

void vd_softmax_run(const vd_op *op, const vd_step *step) {
    const vd_softmax *softmax = &op->as.softmax;
    vd_range heads = vd_share(step->worker, step->rows * softmax->H);
    for (int64_t i = heads.begin; i < heads.end; i++) {
        const float *x = softmax->x + i * softmax->P;
        float *y = softmax->y + i * softmax->P;
        int32_t position = step->batch->positions[i / softmax->H];
        int32_t last = last_position(step->batch, i / softmax->H, softmax->shape);
        int32_t first = vd_window_begin(softmax->window, softmax->shape, position);
        int32_t end = vd_window_end(softmax->window, softmax->shape, position, last);
        memmove(y + first, x + first, (size_t)(end - first) * sizeof *y);
        fill_outside(y, first, end, softmax->P, -INFINITY);
        vd_unfused_attention_kernels[step->isa]->softmax(
            softmax->sinks == NULL ? NULL : softmax->sinks + i % softmax->H, y, softmax->P);
    }
}

void vd_attention_values_run(const vd_op *op, const vd_step *step) {
    const vd_attention_values *values = &op->as.attention_values;
    int64_t d_v = values->cache.d_v;
    vd_range heads = vd_share(step->worker, step->rows * values->H);
    for (int64_t i = heads.begin; i < heads.end; i++) {
        vd_query query = query_of(step, &values->cache, i / values->H, (int32_t)(i % values->H),
                                  values->H, values->shape);
        const float *pattern = values->pattern + i * values->P;
        float *z = values->z + i * d_v;
        if (memcmp(pattern, values->softmax + i * values->P, (size_t)query.end * sizeof *pattern) ==
            0) {
            memcpy(z, values->attention + i * d_v, (size_t)d_v * sizeof *z);
        } else {
            vd_unfused_attention_kernels[step->isa]->values(&query, pattern, z);
            if (values->cache.type == VD_Q4_0) {
                vd_hadamard(z, d_v, vd_rotation(&values->cache, d_v));
            }
        }
    }
}

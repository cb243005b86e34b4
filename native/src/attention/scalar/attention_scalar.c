// The reference implementation of attention (docs/numerics.md).
#include <math.h>

#include "attention/attention.h"
#include "attention/scalar/kv_scalar.h"
#include "attention/scalar/softmax_scalar.h"
#include "simd/exp.h"
#include "simd/lane_sum.h"

static float score(const vd_query_tile *tile, int32_t query, int64_t t) {
    const vd_attention *op = tile->op;
    int64_t d_h = op->cache.d_h;
    float product = vd_kv_scaled(op->cache.type)
                        ? vd_kv_dot_quantized(&op->cache, tile->blocks, tile->head, t,
                                              tile->quants + query * d_h,
                                              tile->scale + query * (d_h / VD_BLOCK))
                        : vd_kv_dot(&op->cache, tile->blocks, tile->head, t, tile->q[query]);
    return vd_score_of(product, op->scale, op->cap, op->slopes == NULL ? NULL : &tile->slope[query],
                       tile->bias[query], op->reach, t - tile->position[query]);
}

// Returns the maximum score M and the sum of exponentials L of a partial result.
static float *statistics(const vd_query_tile *tile, float *part) {
    return part + vd_part_stride(tile->op->cache.d_v) - 16;
}

static void attend(const vd_query_tile *tile, int32_t query, int64_t begin, float *part) {
    float *s = tile->scores;
    int64_t from = tile->first[query] > begin ? tile->first[query] - begin : 0;
    int64_t to = tile->end[query] - begin;
    to = to < VD_ATTENTION_CHUNK ? to : VD_ATTENTION_CHUNK;
    float lane[VD_LANES] = {0};
    float M = -INFINITY;
    for (int64_t t = from; t < to; t++) {
        s[t] = score(tile, query, begin + t);
        M = s[t] > M ? s[t] : M;
    }
    for (int64_t t = from; t < to; t++) {
        s[t] = vd_exp(s[t] - M);
        lane[t % VD_LANES] += s[t];
    }
    statistics(tile, part)[0] = M;
    statistics(tile, part)[1] = vd_reduce_lanes(lane);
    for (int32_t i = 0; i < tile->op->cache.d_v; i++) {
        float sum = 0.0f;
        for (int64_t t = from; t < to; t++) {
            float v = vd_kv_value(&tile->op->cache, tile->blocks, tile->head, begin + t, i);
            sum = fmaf(s[t], v, sum);
        }
        part[i] = sum;
    }
}

static void chunk(const vd_query_tile *tile, int64_t begin, float *parts) {
    for (int32_t query = 0; query < tile->n; query++) {
        attend(tile, query, begin, parts + query * vd_part_stride(tile->op->cache.d_v));
    }
}

static void merge(const vd_query_tile *tile, float *parts, const float *later) {
    int64_t d_v = tile->op->cache.d_v, stride = vd_part_stride(d_v);
    for (int32_t query = 0; query < tile->n; query++, parts += stride, later += stride) {
        float *all = parts + stride - 16;
        const float *chunk = later + stride - 16;
        if (chunk[1] == 0.0f) {
            continue;
        }
        if (all[1] == 0.0f) {
            memcpy(parts, later, (size_t)stride * sizeof(float));
            continue;
        }
        float M = chunk[0] > all[0] ? chunk[0] : all[0];
        float a = vd_exp(all[0] - M);
        float b = vd_exp(chunk[0] - M);
        for (int64_t i = 0; i < d_v; i++) {
            parts[i] = fmaf(later[i], b, parts[i] * a);
        }
        all[1] = fmaf(chunk[1], b, all[1] * a);
        all[0] = M;
    }
}

static void finish(const vd_query_tile *tile, const float *parts) {
    int64_t d_v = tile->op->cache.d_v, stride = vd_part_stride(d_v);
    for (int32_t query = 0; query < tile->n; query++, parts += stride) {
        float M = parts[stride - 16];
        float L = parts[stride - 15];
        float a = tile->op->sinks == NULL ? 1.0f : vd_add_sink(tile->sink[query], M, &L);
        float factor = a / L;
        for (int64_t i = 0; i < d_v; i++) {
            tile->z[query][i] = parts[i] * factor;
        }
    }
}

const vd_attention_kernel vd_attention_scalar = {chunk, merge, finish};

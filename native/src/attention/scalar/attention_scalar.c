// The definition of attention in docs/numerics.md.
#include <math.h>

#include "attention/attention.h"
#include "attention/kv_cache.h"
#include "core/exp.h"
#include "core/lanes.h"

static float key(const vd_kv_cache *cache, const char *tile, int64_t i, int64_t lane) {
    int64_t at = i * VD_KV_LANES + lane;
    return cache->type == VD_F32   ? ((const float *)tile)[at]
           : cache->type == VD_F16 ? vd_half_to_float(((const uint16_t *)tile)[at])
                                   : vd_bfloat_to_float(((const uint16_t *)tile)[at]);
}

static float dot(const vd_attention_tile *tile, int32_t query, const char *keys, int64_t lane) {
    float sum = 0.0f;
    for (int64_t i = 0; i < tile->op->cache.d_h; i++) {
        sum = fmaf(tile->q[query][i], key(&tile->op->cache, keys, i, lane), sum);
    }
    return sum;
}

static float dot_quantized(const vd_attention_tile *tile, int32_t query, const char *keys,
                           int64_t lane) {
    int64_t d_h = tile->op->cache.d_h;
    const int8_t *q = tile->quants + query * d_h;
    const float *scale = tile->scale + query * (d_h / VD_BLOCK);
    const uint16_t *scales = (const uint16_t *)(keys + d_h * VD_KV_LANES);
    float acc = 0.0f;
    for (int64_t b = 0; b < d_h / VD_BLOCK; b++) {
        int32_t sum = 0;
        for (int64_t i = b * VD_BLOCK; i < (b + 1) * VD_BLOCK; i++) {
            sum += q[i] * (int8_t)keys[(i / 4 * VD_KV_LANES + lane) * 4 + i % 4];
        }
        float s = vd_half_to_float(scales[b * VD_KV_LANES + lane]);
        acc = fmaf((float)sum, s * scale[b], acc);
    }
    return acc;
}

static float score(const vd_attention_tile *tile, int32_t query, int64_t t) {
    const vd_attention *op = tile->op;
    const char *keys =
        vd_key_tile(&op->cache, tile->blocks, tile->head, t / VD_KV_LANES * VD_KV_LANES);
    int64_t lane = t % VD_KV_LANES;
    float s = op->scale * (op->cache.type == VD_Q8_0 ? dot_quantized(tile, query, keys, lane)
                                                     : dot(tile, query, keys, lane));
    s = op->cap > 0 ? op->cap * vd_tanh(s * (1.0f / op->cap)) : s;
    int64_t distance = t + 1 - tile->end[query];  // of the position from the query's own
    return op->slopes != NULL ? fmaf(tile->slope[query], (float)distance, s) : s;
}

static float value(const vd_attention_tile *tile, int64_t t, int32_t i) {
    const vd_kv_cache *cache = &tile->op->cache;
    const char *row = vd_value_row(cache, tile->blocks, tile->head, t);
    switch (cache->type) {
        case VD_F32:
            return ((const float *)row)[i];
        case VD_F16:
            return vd_half_to_float(((const uint16_t *)row)[i]);
        case VD_BF16:
            return vd_bfloat_to_float(((const uint16_t *)row)[i]);
        default: {
            const uint16_t *scales = vd_value_scales(cache, tile->blocks, tile->head, t);
            return (float)(int8_t)row[i] * vd_half_to_float(scales[i / VD_BLOCK]);
        }
    }
}

// A part's greatest score M and sum of exponentials L.
static float *statistics(const vd_attention_tile *tile, float *part) {
    return part + vd_part_stride(tile->op->cache.d_h) - 16;
}

static void attend(const vd_attention_tile *tile, int32_t query, int64_t begin, float *part) {
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
    statistics(tile, part)[1] = vd_merge_lanes(lane);
    for (int32_t i = 0; i < tile->op->cache.d_h; i++) {
        float sum = 0.0f;
        for (int64_t t = from; t < to; t++) {
            sum = fmaf(s[t], value(tile, begin + t, i), sum);
        }
        part[i] = sum;
    }
}

static void chunk(const vd_attention_tile *tile, int64_t begin, float *parts) {
    for (int32_t query = 0; query < tile->n; query++) {
        attend(tile, query, begin, parts + query * vd_part_stride(tile->op->cache.d_h));
    }
}

static void merge(const vd_attention_tile *tile, float *parts, const float *later) {
    int64_t d_h = tile->op->cache.d_h, stride = vd_part_stride(d_h);
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
        for (int64_t i = 0; i < d_h; i++) {
            parts[i] = fmaf(later[i], b, parts[i] * a);
        }
        all[1] = fmaf(chunk[1], b, all[1] * a);
        all[0] = M;
    }
}

static void finish(const vd_attention_tile *tile, const float *parts) {
    int64_t d_h = tile->op->cache.d_h, stride = vd_part_stride(d_h);
    for (int32_t query = 0; query < tile->n; query++, parts += stride) {
        float M = parts[stride - 16];
        float L = parts[stride - 15];
        float a = 1.0f;
        if (tile->op->sinks != NULL) {
            float sink = tile->sink[query];
            float greater = sink > M ? sink : M;
            a = vd_exp(M - greater);
            L = fmaf(L, a, vd_exp(sink - greater));
        }
        float factor = a / L;
        for (int64_t i = 0; i < d_h; i++) {
            tile->z[query][i] = parts[i] * factor;
        }
    }
}

const vd_attention_kernel vd_attention_scalar = {chunk, merge, finish};

// The definition of attention in docs/numerics.md.
#include <math.h>

#include "attention/attention.h"
#include "attention/kv_cache.h"
#include "core/exp.h"
#include "core/lanes.h"

// A chunk's, or all chunks' so far: greatest score M, sum of exponentials L.
typedef struct softmax {
    float M;
    float L;
} softmax;

static float score(const vd_attention_tile *tile, int32_t query, int64_t t) {
    const float *keys =
        vd_key_tile(tile->cache, tile->blocks, tile->head, t / VD_KV_LANES * VD_KV_LANES);
    float sum = 0.0f;
    for (int32_t i = 0; i < tile->cache->d_h; i++) {
        sum = fmaf(tile->q[query][i], keys[i * VD_KV_LANES + t % VD_KV_LANES], sum);
    }
    return sum * tile->scale;
}

// Replaces the chunk's scores by exponentials.
static softmax exponentials(float *s, int64_t n) {
    float lane[VD_LANES] = {0};
    float M = -INFINITY;
    for (int64_t t = 0; t < n; t++) {
        M = s[t] > M ? s[t] : M;
    }
    for (int64_t t = 0; t < n; t++) {
        s[t] = vd_exp(s[t] - M);
        lane[t % VD_LANES] += s[t];
    }
    return (softmax){M, vd_merge_lanes(lane)};
}

static float weighted_value(const vd_attention_tile *tile, const float *e, int64_t begin, int64_t n,
                            int32_t i) {
    float sum = 0.0f;
    for (int64_t t = 0; t < n; t++) {
        float v = vd_value_row(tile->cache, tile->blocks, tile->head, begin + t)[i];
        sum = fmaf(e[t], v, sum);
    }
    return sum;
}

static void attend(const vd_attention_tile *tile, int32_t query) {
    softmax all = {0};
    float *z = tile->z[query];
    float *s = tile->scores;
    for (int64_t begin = 0; begin < tile->count[query]; begin += VD_ATTENTION_CHUNK) {
        int64_t n = tile->count[query] - begin;
        n = n < VD_ATTENTION_CHUNK ? n : VD_ATTENTION_CHUNK;
        for (int64_t t = 0; t < n; t++) {
            s[t] = score(tile, query, begin + t);
        }
        softmax chunk = exponentials(s, n);
        float M = begin == 0 || chunk.M > all.M ? chunk.M : all.M;
        float a = vd_exp(all.M - M);
        float b = vd_exp(chunk.M - M);
        for (int32_t i = 0; i < tile->cache->d_h; i++) {
            float o = weighted_value(tile, s, begin, n, i);
            z[i] = begin == 0 ? o : fmaf(o, b, z[i] * a);
        }
        all.L = begin == 0 ? chunk.L : fmaf(chunk.L, b, all.L * a);
        all.M = M;
    }
    float inverse = 1.0f / all.L;
    for (int32_t i = 0; i < tile->cache->d_h; i++) {
        z[i] = z[i] * inverse;
    }
}

void vd_attention_scalar(const vd_attention_tile *tile) {
    for (int32_t query = 0; query < tile->n; query++) {
        attend(tile, query);
    }
}

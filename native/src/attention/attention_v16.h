// attention over 16 lanes, chunk by chunk for all queries of a tile, as in flash attention (Dao et
// al. 2022, arXiv 2205.14135). The lanes are 16 positions while scores are made, 16 elements of the
// head while values are summed; no sum runs across lanes but that of the exponentials.
#include <math.h>

#include "attention/attention.h"
#include "attention/attention_scores_v16.h"
#include "attention/attention_values_v16.h"
#include "simd/exp_v16.h"
#include "simd/part_v16.h"
#include "simd/tanh_v16.h"

static void cap_scores(float *s, key_range own, float cap) {
    f32x16 inverse = f32x16_splat(1.0f / cap);
    for (int64_t t = own.from / 16 * 16; t < own.to; t += 16) {
        f32x16 x = f32x16_tanh(f32x16_mul(f32x16_load(s + t), inverse));
        f32x16_store(s + t, f32x16_mul(f32x16_splat(cap), x));
    }
}

// Adds the slope times the distance from the query's own position, which is negative. The chunk
// begins `distance` from there.
static void add_distances(float *s, key_range own, float slope, int64_t distance) {
    static const int32_t lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    for (int64_t t = own.from / 16 * 16; t < own.to; t += 16) {
        i32x16 d = i32x16_add(i32x16_load(lanes), i32x16_splat((int32_t)(distance + t)));
        f32x16_store(s + t,
                     f32x16_fma(f32x16_splat(slope), f32x16_from_int(d), f32x16_load(s + t)));
    }
}

// Exponentials are made of BLOCK scores at a time, so that the latencies of one vector are the work
// of the others.
enum { VECTORS = 4, BLOCK = 16 * VECTORS };

// Scores beside the span within its blocks become -inf: exp of that is 0.
static void blank_others(float *s, key_range own) {
    for (int64_t t = own.from / BLOCK * BLOCK; t < own.from; t++) {
        s[t] = -INFINITY;
    }
    for (int64_t t = own.to; t % BLOCK != 0; t++) {
        s[t] = -INFINITY;
    }
}

static float max_score(const float *s, key_range own) {
    f32x16 all[VECTORS];
    for (int w = 0; w < VECTORS; w++) {
        all[w] = f32x16_splat(-INFINITY);
    }
    for (int64_t t = own.from / BLOCK * BLOCK; t < own.to; t += BLOCK) {
        for (int w = 0; w < VECTORS; w++) {
            all[w] = f32x16_max(f32x16_load(s + t + 16 * w), all[w]);
        }
    }
    return f32x16_reduce_max(f32x16_max(f32x16_max(all[0], all[1]), f32x16_max(all[2], all[3])));
}

// Replaces the scores of a span by exponentials of their distance from M, and returns their sum.
static float exponentials(float *s, key_range own, float M) {
    f32x16 shift = f32x16_splat(M);
    f32x16 sum = f32x16_zero();
    for (int64_t t = own.from / BLOCK * BLOCK; t < own.to; t += BLOCK) {
        for (int w = 0; w < VECTORS; w++) {
            f32x16 e = f32x16_exp(f32x16_sub(f32x16_load(s + t + 16 * w), shift));
            f32x16_store(s + t + 16 * w, e);
            sum = f32x16_add(sum, e);
        }
    }
    return f32x16_reduce_add(sum);
}

static void chunk(const vd_attention_tile *tile, int64_t begin, float *parts) {
    key_range ranges[VD_QUERIES];
    int64_t stride = vd_part_stride(tile->op->cache.d_v);
    int32_t first = tile->n, end = 0;  // the queries that attend to the chunk
    for (int32_t j = 0; j < tile->n; j++) {
        int64_t from = tile->first[j] - begin, to = tile->end[j] - begin;
        ranges[j] =
            (key_range){from > 0 ? from : 0, to < VD_ATTENTION_CHUNK ? to : VD_ATTENTION_CHUNK};
        if (ranges[j].from < ranges[j].to) {
            first = j < first ? j : first;
            end = j + 1;
        } else {
            parts[j * stride + stride - 15] = 0.0f;
        }
    }
    if (first >= end) {
        return;
    }
    scores(tile, first, end, begin, ranges[first].from, ranges[end - 1].to);
    for (int32_t j = first; j < end; j++) {
        float *s = tile->scores + j * VD_ATTENTION_CHUNK;
        float *statistics = parts + (j + 1) * stride - 16;
        if (tile->op->cap > 0) {
            cap_scores(s, ranges[j], tile->op->cap);
        }
        if (tile->op->slopes != NULL) {
            add_distances(s, ranges[j], tile->slope[j], begin + 1 - tile->end[j]);
        }
        blank_others(s, ranges[j]);
        statistics[0] = max_score(s, ranges[j]);
        statistics[1] = exponentials(s, ranges[j], statistics[0]);
    }
    values(tile, ranges, first, end, begin, parts);
}

static void merge(const vd_attention_tile *tile, float *parts, const float *later) {
    int64_t stride = vd_part_stride(tile->op->cache.d_v), width = stride - 16;
    for (int32_t j = 0; j < tile->n; j++, parts += stride, later += stride) {
        float *all = parts + width;
        const float *chunk_of = later + width;
        if (chunk_of[1] == 0.0f) {
            continue;
        }
        if (all[1] == 0.0f) {
            memcpy(parts, later, (size_t)stride * sizeof(float));
            continue;
        }
        float M = chunk_of[0] > all[0] ? chunk_of[0] : all[0];
        float pair[16];
        f32x16 both = f32x16_blend_first(f32x16_splat(all[0]), 1, f32x16_splat(chunk_of[0]));
        f32x16_store(pair, f32x16_exp(f32x16_sub(both, f32x16_splat(M))));
        f32x16 a = f32x16_splat(pair[0]), b = f32x16_splat(pair[1]);
        for (int64_t i = 0; i < width; i += 16) {
            f32x16 before = f32x16_mul(f32x16_load(parts + i), a);
            f32x16_store(parts + i, f32x16_fma(f32x16_load(later + i), b, before));
        }
        all[1] = fmaf(chunk_of[1], pair[1], all[1] * pair[0]);
        all[0] = M;
    }
}

static void finish(const vd_attention_tile *tile, const float *parts) {
    int64_t d_v = tile->op->cache.d_v, stride = vd_part_stride(d_v);
    for (int32_t j = 0; j < tile->n; j++, parts += stride) {
        float M = parts[stride - 16];
        float L = parts[stride - 15];
        float a = 1.0f;
        if (tile->op->sinks != NULL) {
            float pair[16];
            float greater = tile->sink[j] > M ? tile->sink[j] : M;
            f32x16 both = f32x16_blend_first(f32x16_splat(M), 1, f32x16_splat(tile->sink[j]));
            f32x16_store(pair, f32x16_exp(f32x16_sub(both, f32x16_splat(greater))));
            a = pair[0];
            L = fmaf(L, a, pair[1]);
        }
        f32x16 factor = f32x16_splat(a / L);
        for (int64_t i = 0; i < d_v; i += 16) {
            f32x16_store_up_to(tile->z[j] + i, f32x16_mul(f32x16_load(parts + i), factor), d_v - i);
        }
    }
}

const vd_attention_kernel VD_NAME(vd_attention) = {chunk, merge, finish};

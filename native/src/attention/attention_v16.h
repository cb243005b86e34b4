// Attention over 16 lanes, chunk by chunk for all queries of a tile, as in FlashAttention (Dao et
// al. 2022, arXiv 2205.14135). The lanes are 16 positions while scores are computed, and 16
// elements of the head while values are summed; only the sum of exponentials crosses lanes.
#include <math.h>

#include "attention/attention.h"
#include "attention/attention_scores_v16.h"
#include "attention/attention_values_v16.h"
#include "attention/softmax_v16.h"

// Caps the scores of a query and adds ALiBi terms and biases, in the vectors that its range
// touches.
static void adjust_scores(const vd_query_tile *tile, int32_t query, int64_t begin, key_range own) {
    const vd_attention *op = tile->op;
    float *s = tile->scores + query * VD_ATTENTION_CHUNK;
    int64_t distance = begin - tile->position[query];
    for (int64_t t = own.from / 16 * 16; t < own.to; t += 16) {
        f32x16 x = f32x16_load(s + t);
        x = op->cap > 0 ? vd_cap_score(x, op->cap) : x;
        x = op->slopes != NULL ? vd_add_alibi(x, tile->slope[query], (int32_t)(distance + t)) : x;
        x = op->biases != NULL ? vd_add_biases(x, tile->bias[query], op->reach, distance + t) : x;
        f32x16_store(s + t, x);
    }
}

// Extends a range to whole blocks of the softmax, and sets the scores outside to -infinity, so that
// their exp is 0.
static key_range mask_scores(float *s, key_range own) {
    key_range blocks = {own.from / VD_SOFTMAX_BLOCK * VD_SOFTMAX_BLOCK,
                        (own.to + VD_SOFTMAX_BLOCK - 1) / VD_SOFTMAX_BLOCK * VD_SOFTMAX_BLOCK};
    for (int64_t t = blocks.from; t < own.from; t++) {
        s[t] = -INFINITY;
    }
    for (int64_t t = own.to; t < blocks.to; t++) {
        s[t] = -INFINITY;
    }
    return blocks;
}

static void chunk(const vd_query_tile *tile, int64_t begin, float *parts) {
    key_range ranges[VD_QUERIES];
    int64_t stride = vd_part_stride(tile->op->cache.d_v);
    int32_t first = tile->n, end = 0;  // range of queries that attend to the chunk
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
    // All maxima come first, so that the latency of one does not delay exponentials.
    key_range blocks[VD_QUERIES];
    for (int32_t j = first; j < end; j++) {
        float *s = tile->scores + j * VD_ATTENTION_CHUNK;
        if (tile->op->cap > 0 || tile->op->slopes != NULL || tile->op->biases != NULL) {
            adjust_scores(tile, j, begin, ranges[j]);
        }
        blocks[j] = mask_scores(s, ranges[j]);
        parts[(j + 1) * stride - 16] = vd_max_score(s, blocks[j].from, blocks[j].to);
    }
    for (int32_t j = first; j < end; j++) {
        float *s = tile->scores + j * VD_ATTENTION_CHUNK;
        float *statistics = parts + (j + 1) * stride - 16;
        statistics[1] = vd_exponentials(s, blocks[j].from, blocks[j].to, statistics[0]);
    }
    values(tile, ranges, first, end, begin, parts);
}

static void merge(const vd_query_tile *tile, float *parts, const float *later) {
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
        vd_pair e = vd_exp_pair(all[0] - M, chunk_of[0] - M);
        f32x16 a = f32x16_splat(e.x), b = f32x16_splat(e.y);
        for (int64_t i = 0; i < width; i += 16) {
            f32x16 before = f32x16_mul(f32x16_load(parts + i), a);
            f32x16_store(parts + i, f32x16_fma(f32x16_load(later + i), b, before));
        }
        all[1] = fmaf(chunk_of[1], e.y, all[1] * e.x);
        all[0] = M;
    }
}

static void finish(const vd_query_tile *tile, const float *parts) {
    int64_t d_v = tile->op->cache.d_v, stride = vd_part_stride(d_v);
    for (int32_t j = 0; j < tile->n; j++, parts += stride) {
        float M = parts[stride - 16];
        float L = parts[stride - 15];
        float a = tile->op->sinks == NULL ? 1.0f : vd_add_sink(tile->sink[j], M, &L);
        f32x16 factor = f32x16_splat(a / L);
        for (int64_t i = 0; i < d_v; i += 16) {
            f32x16_store_up_to(tile->z[j] + i, f32x16_mul(f32x16_load(parts + i), factor), d_v - i);
        }
    }
}

const vd_attention_kernel VD_NAME(vd_attention) = {chunk, merge, finish};

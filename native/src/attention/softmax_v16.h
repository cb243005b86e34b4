// The softmax of attention over 16 lanes, which are positions. Fused and unfused attention and its
// gradient share it. docs/numerics.md fixes its order of sums.
#ifndef VD_ATTENTION_SOFTMAX_V16_H
#define VD_ATTENTION_SOFTMAX_V16_H

#include <math.h>

#include "attention/bias.h"
#include "simd/exp_v16.h"
#include "simd/part_v16.h"
#include "simd/tanh_v16.h"

// Maxima and exponentials take VD_SOFTMAX_BLOCK scores at a time, so that the latency of one vector
// is hidden by the others.
enum { VD_SOFTMAX_VECTORS = 4, VD_SOFTMAX_BLOCK = 16 * VD_SOFTMAX_VECTORS };

// Returns cap * tanh(s / cap).
VD_INLINE f32x16 vd_cap_score(f32x16 s, float cap) {
    f32x16 x = f32x16_tanh(f32x16_mul(s, f32x16_splat(1.0f / cap)));
    return f32x16_mul(f32x16_splat(cap), x);
}

// Adds the ALiBi term -slope * |distance| to 16 scores. `distance` leads from the query's position
// to that of the first one.
VD_INLINE f32x16 vd_add_alibi(f32x16 s, float slope, int32_t distance) {
    static const int32_t lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    i32x16 to_key = i32x16_add(i32x16_load(lanes), i32x16_splat(distance));
    i32x16 to_query = i32x16_sub(i32x16_zero(), to_key);
    i32x16 negative = i32x16_sub(i32x16_zero(), i32x16_max(to_key, to_query));
    return f32x16_fma(f32x16_splat(slope), f32x16_from_int(negative), s);
}

// Adds to 16 scores the biases of their distances. `bias` points to that of distance 0; `distance`
// leads from the query's position to that of the first one.
VD_INLINE f32x16 vd_add_biases(f32x16 s, const float *bias, int32_t reach, int64_t distance) {
    if (distance >= -reach && distance + 15 <= reach) {
        return f32x16_add(s, f32x16_load(bias + distance));
    }
    float some[16];
    for (int i = 0; i < 16; i++) {
        some[i] = bias[vd_limited_distance(distance + i, reach)];
    }
    return f32x16_add(s, f32x16_load(some));
}

// Loads scores [t, t + 16); those from `end` on are -infinity.
VD_INLINE f32x16 vd_load_scores(const float *s, int64_t t, int64_t end) {
    f32x16 some = f32x16_load_up_to(s + t, end - t);
    return t + 16 <= end ? some : f32x16_blend_first(some, end - t, f32x16_splat(-INFINITY));
}

// Returns the maximum of scores [begin, end), ignoring NaNs.
VD_INLINE float vd_max_score(const float *s, int64_t begin, int64_t end) {
    f32x16 all[VD_SOFTMAX_VECTORS];
    for (int w = 0; w < VD_SOFTMAX_VECTORS; w++) {
        all[w] = f32x16_splat(-INFINITY);
    }
    int64_t t = begin;
    for (; t + VD_SOFTMAX_BLOCK <= end; t += VD_SOFTMAX_BLOCK) {
        for (int w = 0; w < VD_SOFTMAX_VECTORS; w++) {
            all[w] = f32x16_max(f32x16_load(s + t + 16 * w), all[w]);
        }
    }
    for (; t < end; t += 16) {
        all[0] = f32x16_max(vd_load_scores(s, t, end), all[0]);
    }
    return f32x16_reduce_max(f32x16_max(f32x16_max(all[0], all[1]), f32x16_max(all[2], all[3])));
}

// Replaces scores [begin, end) by exp(s - M) and returns their lane sum. begin is a multiple of 16.
VD_INLINE float vd_exponentials(float *s, int64_t begin, int64_t end, float M) {
    f32x16 shift = f32x16_splat(M), sum = f32x16_zero();
    int64_t t = begin;
    for (; t + VD_SOFTMAX_BLOCK <= end; t += VD_SOFTMAX_BLOCK) {
        for (int w = 0; w < VD_SOFTMAX_VECTORS; w++) {
            f32x16 e = f32x16_exp(f32x16_sub(f32x16_load(s + t + 16 * w), shift));
            f32x16_store(s + t + 16 * w, e);
            sum = f32x16_add(sum, e);
        }
    }
    for (; t < end; t += 16) {
        f32x16 e = f32x16_exp(f32x16_sub(vd_load_scores(s, t, end), shift));
        f32x16_store_up_to(s + t, e, end - t);
        sum = f32x16_add(sum, e);
    }
    return f32x16_reduce_add(sum);
}

typedef struct vd_pair {
    float x;
    float y;
} vd_pair;

// Returns exp(x) and exp(y).
VD_INLINE vd_pair vd_exp_pair(float x, float y) {
    float e[16];
    f32x16_store(e, f32x16_exp(f32x16_blend_first(f32x16_splat(x), 1, f32x16_splat(y))));
    return (vd_pair){e[0], e[1]};
}

// Adds a sink to a softmax with the maximum M and the sum *L of exponentials. Returns the factor by
// which the exponentials shrink: 1 unless the sink exceeds M.
VD_INLINE float vd_add_sink(float sink, float M, float *L) {
    float maximum = sink > M ? sink : M;
    vd_pair e = vd_exp_pair(M - maximum, sink - maximum);
    *L = fmaf(*L, e.x, e.y);
    return e.x;
}

#endif

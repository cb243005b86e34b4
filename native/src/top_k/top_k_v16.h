// top-k over 16 lanes: elements not above the smallest candidate so far, nearly all, cost one
// comparison.
#include "simd/exp_v16.h"
#include "simd/part_v16.h"
#include "top_k/top_k.h"

// Loads the first 16 of n elements. If there are fewer, the other lanes are `others`.
VD_INLINE f32x16 load_or(const float *x, int64_t n, f32x16 others) {
    return n >= 16 ? f32x16_load(x) : f32x16_blend_first(f32x16_load_part(x, n), n, others);
}

VD_INLINE float max_of(const float *x, int64_t n) {
    f32x16 threshold = f32x16_splat(-INFINITY);
    f32x16 maximum = threshold;
    for (int64_t i = 0; i < n; i += 16) {
        maximum = f32x16_max(load_or(x + i, n - i, threshold), maximum);
    }
    return f32x16_reduce_max(maximum);
}

VD_INLINE float sum_exp(const float *x, int64_t n, float maximum) {
    f32x16 sum = f32x16_zero();
    for (int64_t i = 0; i < n; i += 16) {
        f32x16 e = f32x16_exp(f32x16_sub(f32x16_load_up_to(x + i, n - i), f32x16_splat(maximum)));
        sum = f32x16_add(sum, n - i >= 16 ? e : f32x16_blend_first(e, n - i, f32x16_zero()));
    }
    return f32x16_reduce_add(sum);
}

// Returns a mask of the first 16 of n elements that may be among the k largest.
VD_INLINE uint32_t candidate_mask(const vd_top_k *op, const float *x, int64_t n, const float *row,
                                  const vd_top_k_part *part) {
    uint32_t valid = n >= 16 ? 0xffff : (1u << n) - 1;
    if (part->n < op->k) {
        return valid;
    }
    float threshold = row[vd_top_k_id(part->keys[0])];
    return isnan(threshold)
               ? valid
               : valid & f32x16_greater_mask(f32x16_load_up_to(x, n), f32x16_splat(threshold));
}

void VD_NAME(vd_top_k)(const vd_top_k *op, int64_t row, vd_range chunks, vd_top_k_part *part) {
    const float *all = op->x + row * op->V;
    int64_t length = vd_top_k_chunk(op->V);
    for (int64_t chunk = chunks.begin; chunk < chunks.end; chunk++) {
        int64_t first = chunk * length, n = vd_min(length, op->V - first);
        const float *x = all + first;
        float maximum = max_of(x, n) + 0.0f;
        part->maximum[part->chunks] = maximum;
        part->sum[part->chunks++] = sum_exp(x, n, maximum);
        for (int64_t i = 0; i < n; i += 16) {
            uint32_t left = candidate_mask(op, x + i, n - i, all, part);
            for (; left != 0; left &= left - 1) {
                int64_t j = i + __builtin_ctz(left);
                vd_top_k_offer(part, op->k, vd_top_k_key(x[j], first + j));
            }
        }
    }
}

// top-k over 16 lanes: what is not above the least candidate so far, nearly everything, costs a
// comparison.
#include "simd/exp_v16.h"
#include "simd/part_v16.h"
#include "top_k/top_k.h"

// The first 16 of n elements; where there are fewer, the other lanes are `others`.
VD_INLINE v16 load_or(const float *x, int64_t n, v16 others) {
    return n >= 16 ? v16_load(x) : v16_keep(v16_load_part(x, n), n, others);
}

VD_INLINE float greatest(const float *x, int64_t n) {
    v16 least = v16_splat(-INFINITY);
    v16 maximum = least;
    for (int64_t i = 0; i < n; i += 16) {
        maximum = v16_max(load_or(x + i, n - i, least), maximum);
    }
    return v16_greatest(maximum);
}

VD_INLINE float sum_exp(const float *x, int64_t n, float maximum) {
    v16 sum = v16_zero();
    for (int64_t i = 0; i < n; i += 16) {
        v16 e = v16_exp(v16_sub(v16_load_up_to(x + i, n - i), v16_splat(maximum)));
        sum = v16_add(sum, n - i >= 16 ? e : v16_keep(e, n - i, v16_zero()));
    }
    return v16_merge(sum);
}

// Elements of the first 16 of n that may be among the k greatest, as bits.
VD_INLINE uint32_t promising(const vd_top_k *op, const float *x, int64_t n, const float *row,
                             const vd_top_k_part *part) {
    uint32_t there = n >= 16 ? 0xffff : (1u << n) - 1;
    if (part->n < op->k) {
        return there;
    }
    float least = row[vd_top_k_id(part->keys[0])];
    return isnan(least) ? there : there & v16_above(v16_load_up_to(x, n), v16_splat(least));
}

void VD_NAME(vd_top_k)(const vd_top_k *op, int64_t row, vd_range chunks, vd_top_k_part *part) {
    const float *all = op->x + row * op->V;
    int64_t length = vd_top_k_chunk(op->V);
    for (int64_t chunk = chunks.begin; chunk < chunks.end; chunk++) {
        int64_t first = chunk * length, n = vd_at_most(length, op->V - first);
        const float *x = all + first;
        float maximum = greatest(x, n) + 0.0f;
        part->maximum[part->chunks] = maximum;
        part->sum[part->chunks++] = sum_exp(x, n, maximum);
        for (int64_t i = 0; i < n; i += 16) {
            uint32_t left = promising(op, x + i, n - i, all, part);
            for (; left != 0; left &= left - 1) {
                int64_t j = i + __builtin_ctz(left);
                vd_top_k_offer(part, op->k, vd_top_k_key(x[j], first + j));
            }
        }
    }
}

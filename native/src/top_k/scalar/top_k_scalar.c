// The reference implementation of top-k (docs/numerics.md).
#include "simd/exp.h"
#include "simd/lane_sum.h"
#include "top_k/top_k.h"

static float max_of(const float *x, int64_t n) {
    float maximum = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        maximum = x[i] > maximum ? x[i] : maximum;
    }
    return maximum;
}

static float sum_exp(const float *x, int64_t n, float maximum) {
    float lane[VD_LANES] = {0};
    for (int64_t i = 0; i < n; i++) {
        lane[i % VD_LANES] += vd_exp(x[i] - maximum);
    }
    return vd_reduce_lanes(lane);
}

void vd_top_k_scalar(const vd_top_k *op, int64_t row, vd_range chunks, vd_top_k_part *part) {
    int64_t length = vd_top_k_chunk(op->V);
    for (int64_t chunk = chunks.begin; chunk < chunks.end; chunk++) {
        int64_t first = chunk * length, n = vd_min(length, op->V - first);
        const float *x = op->x + row * op->V + first;
        float maximum = max_of(x, n) + 0.0f;  // +0 for -0
        part->maximum[part->chunks] = maximum;
        part->sum[part->chunks++] = sum_exp(x, n, maximum);
        for (int64_t i = 0; i < n; i++) {
            vd_top_k_offer(part, op->k, vd_top_k_key(x[i], first + i));
        }
    }
}

// recurrence_backward in plain C.
#include <math.h>
#include <stdint.h>

#include "simd/lane_sum.h"

static float dot(const float *x, const float *y, int64_t n) {
    float lane[VD_LANES] = {0};
    for (int64_t i = 0; i < n; i++) {
        lane[i % VD_LANES] = fmaf(x[i], y[i], lane[i % VD_LANES]);
    }
    return vd_reduce_lanes(lane);
}

static void add(float *y, float w, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        y[i] = fmaf(w, x[i], y[i]);
    }
}

// Uses dot and add.
#include "backward/recurrence_backward.h"

void vd_recurrence_backward_scalar(const vd_recurrence_backward *op, vd_range rows,
                                   int64_t key_head, void *scratch) {
    run_backward(op, rows, key_head, scratch);
}

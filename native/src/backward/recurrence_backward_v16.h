// recurrence backward over 16 lanes, which are elements of rows.
#include "simd/part_v16.h"

static float dot(const float *x, const float *y, int64_t n) {
    v16 sum = v16_zero();
    for (int64_t i = 0; i < n; i += 16) {
        sum = v16_fma(v16_load_up_to(x + i, n - i), v16_load_up_to(y + i, n - i), sum);
    }
    return v16_merge(sum);
}

static void add(float *y, float w, const float *x, int64_t n) {
    v16 weight = v16_splat(w);
    for (int64_t i = 0; i < n; i += 16) {
        v16 sum = v16_load_up_to(y + i, n - i);
        v16_store_up_to(y + i, v16_fma(weight, v16_load_up_to(x + i, n - i), sum), n - i);
    }
}

// Written over the two.
#include "backward/recurrence_backward.h"

static void VD_NAME(vd_recurrence_backward)(const vd_recurrence_backward *op, vd_range rows,
                                            int64_t key_head, void *scratch) {
    run_backward(op, rows, key_head, scratch);
}

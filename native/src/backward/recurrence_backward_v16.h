// recurrence_backward over 16 lanes, which are elements of rows.
#include "simd/part_v16.h"

static float dot(const float *x, const float *y, int64_t n) {
    f32x16 sum = f32x16_zero();
    for (int64_t i = 0; i < n; i += 16) {
        sum = f32x16_fma(f32x16_load_up_to(x + i, n - i), f32x16_load_up_to(y + i, n - i), sum);
    }
    return f32x16_reduce_add(sum);
}

static void add(float *y, float w, const float *x, int64_t n) {
    f32x16 weight = f32x16_splat(w);
    for (int64_t i = 0; i < n; i += 16) {
        f32x16 sum = f32x16_load_up_to(y + i, n - i);
        f32x16_store_up_to(y + i, f32x16_fma(weight, f32x16_load_up_to(x + i, n - i), sum), n - i);
    }
}

// Uses dot and add.
#include "backward/recurrence_backward.h"

static void VD_NAME(vd_recurrence_backward)(const vd_recurrence_backward *op, vd_range rows,
                                            int64_t key_head, void *scratch) {
    run_backward(op, rows, key_head, scratch);
}

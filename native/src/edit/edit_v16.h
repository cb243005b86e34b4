// Subspace edits over 16 lanes.
#include "edit/edit.h"
#include "simd/part_v16.h"

// Loads values - y from i on.
VD_INLINE f32x16 difference(const float *values, const float *y, int64_t i, int64_t n) {
    f32x16 target = values == NULL ? f32x16_zero() : f32x16_load_up_to(values + i, n - i);
    return f32x16_sub(target, f32x16_load_up_to(y + i, n - i));
}

void VD_NAME(vd_subspace)(const vd_edit_entry *entry, const float *values, float *y, int64_t n) {
    for (int64_t j = 0; j < entry->k; j++) {
        const float *r = entry->basis + j * n;
        f32x16 sum = f32x16_zero();
        for (int64_t i = 0; i < n; i += 16) {
            sum = f32x16_fma(difference(values, y, i, n), f32x16_load_up_to(r + i, n - i), sum);
        }
        f32x16 c = f32x16_splat(f32x16_reduce_add(sum));
        for (int64_t i = 0; i < n; i += 16) {
            f32x16 moved =
                f32x16_fma(c, f32x16_load_up_to(r + i, n - i), f32x16_load_up_to(y + i, n - i));
            f32x16_store_up_to(y + i, moved, n - i);
        }
    }
}

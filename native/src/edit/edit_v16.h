// subspace edits over 16 lanes.
#include "edit/edit.h"
#include "simd/part_v16.h"

// What has to be added to the lanes at i.
VD_INLINE v16 difference(const float *values, const float *y, int64_t i, int64_t n) {
    v16 target = values == NULL ? v16_zero() : v16_load_up_to(values + i, n - i);
    return v16_sub(target, v16_load_up_to(y + i, n - i));
}

void VD_NAME(vd_subspace)(const vd_edit_entry *entry, const float *values, float *y, int64_t n) {
    for (int64_t j = 0; j < entry->k; j++) {
        const float *r = entry->basis + j * n;
        v16 sum = v16_zero();
        for (int64_t i = 0; i < n; i += 16) {
            sum = v16_fma(difference(values, y, i, n), v16_load_up_to(r + i, n - i), sum);
        }
        v16 c = v16_splat(v16_merge(sum));
        for (int64_t i = 0; i < n; i += 16) {
            v16 moved = v16_fma(c, v16_load_up_to(r + i, n - i), v16_load_up_to(y + i, n - i));
            v16_store_up_to(y + i, moved, n - i);
        }
    }
}

// The definition of subspace edits in docs/numerics.md.
#include <math.h>
#include <stddef.h>

#include "edit/edit.h"
#include "simd/lane_sum.h"

void vd_subspace_scalar(const vd_edit_entry *entry, const float *values, float *y, int64_t n) {
    for (int64_t j = 0; j < entry->k; j++) {
        const float *r = entry->basis + j * n;
        float lane[VD_LANES] = {0};
        for (int64_t i = 0; i < n; i++) {
            float difference = (values == NULL ? 0.0f : values[i]) - y[i];
            lane[i % VD_LANES] = fmaf(difference, r[i], lane[i % VD_LANES]);
        }
        float c = vd_reduce_lanes(lane);
        for (int64_t i = 0; i < n; i++) {
            y[i] = fmaf(c, r[i], y[i]);
        }
    }
}

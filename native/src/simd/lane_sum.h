// The lane sum in plain C, as docs/numerics.md defines it.
#ifndef VD_SIMD_LANE_SUM_H
#define VD_SIMD_LANE_SUM_H

enum { VD_LANES = 16 };

static inline float vd_reduce_lanes(float lane[VD_LANES]) {
    for (int width = VD_LANES / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) {
            lane[i] += lane[i + width];
        }
    }
    return lane[0] + 0.0f;
}

#endif

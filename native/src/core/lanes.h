// The lane sum of docs/numerics.md in plain C.
#ifndef VD_CORE_LANES_H
#define VD_CORE_LANES_H

enum { VD_LANES = 16 };

static inline float vd_merge_lanes(float lane[VD_LANES]) {
    for (int width = VD_LANES / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) {
            lane[i] += lane[i + width];
        }
    }
    return lane[0] + 0.0f;
}

#endif

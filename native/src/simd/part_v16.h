// The last lanes of a row, which need not fill a vector.
#ifndef VD_SIMD_PART_V16_H
#define VD_SIMD_PART_V16_H

// The first 16 of n elements; where there are fewer, the other lanes are zero.
VD_INLINE v16 v16_load_up_to(const float *p, int64_t n) {
    return n >= 16 ? v16_load(p) : v16_load_part(p, n);
}

// Stores what v16_load_up_to would load.
VD_INLINE void v16_store_up_to(float *p, v16 x, int64_t n) {
    if (n >= 16) {
        v16_store(p, x);
    } else {
        v16_store_part(p, x, n);
    }
}

#endif

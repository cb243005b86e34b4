// Partial vectors at the end of a row.
#ifndef VD_SIMD_PART_V16_H
#define VD_SIMD_PART_V16_H

// Loads the first 16 of n elements. If there are fewer, the other lanes are zero.
VD_INLINE f32x16 f32x16_load_up_to(const float *p, int64_t n) {
    return n >= 16 ? f32x16_load(p) : f32x16_load_part(p, n);
}

// Stores the lanes that f32x16_load_up_to would load.
VD_INLINE void f32x16_store_up_to(float *p, f32x16 x, int64_t n) {
    if (n >= 16) {
        f32x16_store(p, x);
    } else {
        f32x16_store_part(p, x, n);
    }
}

#endif

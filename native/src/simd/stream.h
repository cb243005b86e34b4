// Non-temporal stores, for results that are not read soon: whole cache lines bypass the caches,
// without being read first and without evicting other lines.
#ifndef VD_SIMD_STREAM_H
#define VD_SIMD_STREAM_H

#include <stdint.h>
#include <string.h>

#include "core/arch.h"

#if VD_X86_64
#include <xmmintrin.h>

// Copies n floats. Other threads may see them only after this thread's vd_stream_end. `to` is
// 4-byte aligned.
VD_INLINE void vd_stream_floats(float *to, const float *from, int64_t n) {
    enum { LINE = 16 };
    int64_t head = (int64_t)(-((uintptr_t)to / sizeof *to) % LINE);
    head = head < n ? head : n;
    memcpy(to, from, (size_t)head * sizeof *to);
    int64_t i = head;
    for (; i + LINE <= n; i += LINE) {
        for (int j = 0; j < LINE; j += 4) {
            _mm_stream_ps(to + i + j, _mm_loadu_ps(from + i + j));
        }
    }
    memcpy(to + i, from + i, (size_t)(n - i) * sizeof *to);
}

VD_INLINE void vd_stream_end(void) { _mm_sfence(); }
#else
VD_INLINE void vd_stream_floats(float *to, const float *from, int64_t n) {
    memcpy(to, from, (size_t)n * sizeof *to);
}

VD_INLINE void vd_stream_end(void) {}
#endif

#endif

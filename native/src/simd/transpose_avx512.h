// Transposition of 16 x 16 matrices of 32-bit words.
#ifndef VD_SIMD_TRANSPOSE_AVX512_H
#define VD_SIMD_TRANSPOSE_AVX512_H

#include <immintrin.h>

#include "core/arch.h"

// Exchanges word j of a[i] with word i of a[j], by pairs of words at distances 1, 2, 4 and 8.
VD_INLINE void transpose_words(__m512i a[16]) {
    __m512i b[16];
    for (int i = 0; i < 16; i += 2) {
        b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
    }
    for (int i = 0; i < 16; i++) {
        __m512i x = b[i / 4 * 4 + i / 2 % 2], y = b[i / 4 * 4 + i / 2 % 2 + 2];
        a[i] = i % 2 == 0 ? _mm512_unpacklo_epi64(x, y) : _mm512_unpackhi_epi64(x, y);
    }
    // a[4h + c] holds, in quarter q, column 4q + c of rows 4h to 4h+3.
    for (int c = 0; c < 4; c++) {
        __m512i low01 = _mm512_shuffle_i32x4(a[c], a[c + 4], 0x44);
        __m512i high01 = _mm512_shuffle_i32x4(a[c], a[c + 4], 0xee);
        __m512i low23 = _mm512_shuffle_i32x4(a[c + 8], a[c + 12], 0x44);
        __m512i high23 = _mm512_shuffle_i32x4(a[c + 8], a[c + 12], 0xee);
        b[c] = _mm512_shuffle_i32x4(low01, low23, 0x88);
        b[c + 4] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
        b[c + 8] = _mm512_shuffle_i32x4(high01, high23, 0x88);
        b[c + 12] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
    }
    for (int i = 0; i < 16; i++) {
        a[i] = b[i];
    }
}

#endif

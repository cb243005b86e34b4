// v16: the 16 lanes of docs/numerics.md in one AVX-512 register, and the integer dot products of
// AVX-512 VNNI. The kernels in *_v16.h are written over these names; simd/v16_avx2.h has the same.
#ifndef VD_SIMD_V16_AVX512_H
#define VD_SIMD_V16_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#include "core/arch.h"

#define VD_NAME(stem) stem##_avx512_vnni

enum {
    VD_TILE_TOKENS = 6,        // quantized matmul: tokens and groups whose sums fill the registers
    VD_PLAIN_TILE_TOKENS = 5,  // of types without minima
    VD_TILE_GROUPS = 2,
    VD_FEW_TOKENS = 2,  // up to so many tokens, one group: weights are read as they lie
    VD_FEW_GROUPS = 1,
    VD_FLOAT_TILE_TOKENS = 4,  // float matmul: tokens and rows of a tile
    VD_FLOAT_TILE_ROWS = 4,
    VD_FLOAT_PANEL_TOKENS = 4,  // and tokens of which one register is summed with those of 4 rows
    VD_ATTENTION_QUERIES = 6,   // attention: queries, and vectors of positions or elements
    VD_ATTENTION_VECTORS = 4,
    VD_WIDE_QUERIES = INT32_MAX,  // their number from which keys and values are converted for all
    VD_GRADIENT_QUERIES = 8,      // attention backward: queries, and tiles of positions
    VD_GRADIENT_TILES = 2,
    VD_GRADIENT_SUMS = 4,  // and queries whose sums over positions are taken together
    VD_PANEL_ROWS = 12,    // matmul backward: rows, and vectors of columns
    VD_PANEL_WIDTH = 2,
};

typedef __m512 v16;
typedef __m512i v16i;
typedef uint16_t uint16x32 __attribute__((vector_size(64)));
typedef uint32_t uint32x16 __attribute__((vector_size(64)));

VD_INLINE __mmask16 v16_mask(int64_t n) { return (__mmask16)((1u << n) - 1); }

VD_INLINE v16 v16_zero(void) { return _mm512_setzero_ps(); }
VD_INLINE v16 v16_splat(float x) { return _mm512_set1_ps(x); }
VD_INLINE v16 v16_load(const float *p) { return _mm512_loadu_ps(p); }
VD_INLINE void v16_store(float *p, v16 x) { _mm512_storeu_ps(p, x); }

// The first n (0 to 15) lanes; the others are zero, or are left alone in memory.
VD_INLINE v16 v16_load_part(const float *p, int64_t n) {
    return _mm512_maskz_loadu_ps(v16_mask(n), p);
}
VD_INLINE void v16_store_part(float *p, v16 x, int64_t n) {
    _mm512_mask_storeu_ps(p, v16_mask(n), x);
}
VD_INLINE v16 v16_keep(v16 x, int64_t n, v16 others) {
    return _mm512_mask_mov_ps(others, v16_mask(n), x);
}

VD_INLINE v16 v16_load_halves(const void *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
VD_INLINE v16 v16_splat_half(uint16_t half) { return _mm512_set1_ps(_cvtsh_ss(half)); }
VD_INLINE v16 v16_load_halves_part(const void *p, int64_t n) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(v16_mask(n), p));
}

// 16 bfloats, exact.
VD_INLINE v16 v16_load_bfloats(const void *p) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
VD_INLINE v16 v16_load_bfloats_part(const void *p, int64_t n) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(v16_mask(n), p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

// 16 signed bytes as floats.
VD_INLINE v16 v16_load_bytes(const int8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

VD_INLINE v16 v16_add(v16 a, v16 b) { return _mm512_add_ps(a, b); }
VD_INLINE v16 v16_sub(v16 a, v16 b) { return _mm512_sub_ps(a, b); }
VD_INLINE v16 v16_mul(v16 a, v16 b) { return _mm512_mul_ps(a, b); }
VD_INLINE v16 v16_div(v16 a, v16 b) { return _mm512_div_ps(a, b); }
VD_INLINE v16 v16_fma(v16 a, v16 b, v16 c) { return _mm512_fmadd_ps(a, b, c); }

// One of the registers of a v16, which is all of it.
enum { VD_LANES = 16 };
typedef v16 vr;
VD_INLINE vr vr_load(const float *p) { return v16_load(p); }
VD_INLINE void vr_store(float *p, vr x) { v16_store(p, x); }
VD_INLINE vr vr_fma(vr a, vr b, vr c) { return v16_fma(a, b, c); }

VD_INLINE v16 v16_negate(v16 x) { return _mm512_xor_ps(x, _mm512_set1_ps(-0.0f)); }

// x > y ? x : y, so that a NaN in x becomes y, and one in y remains.
VD_INLINE v16 v16_max(v16 x, v16 y) { return _mm512_max_ps(x, y); }
VD_INLINE v16 v16_min(v16 x, v16 y) { return _mm512_min_ps(x, y); }

// The fixed tree of a lane sum.
VD_INLINE float v16_merge(v16 x) {
    __m256 a = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c))) + 0.0f;
}

// The merges of 4 sums, to memory. Each addition does as many as it has lanes for.
VD_INLINE void v16_merge_four(float *y, const v16 x[4]) {
    __m512 a = _mm512_add_ps(_mm512_shuffle_f32x4(x[0], x[1], 0x44),
                             _mm512_shuffle_f32x4(x[0], x[1], 0xee));
    __m512 b = _mm512_add_ps(_mm512_shuffle_f32x4(x[2], x[3], 0x44),
                             _mm512_shuffle_f32x4(x[2], x[3], 0xee));
    __m512 c = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
    __m512 d = _mm512_add_ps(c, _mm512_permute_ps(c, 0x4e));
    __m512 e = _mm512_add_ps(d, _mm512_permute_ps(d, 0xb1));
    __m128 sums = _mm512_castps512_ps128(_mm512_maskz_compress_ps(0x1111, e));
    _mm_storeu_ps(y, _mm_add_ps(sums, _mm_setzero_ps()));
}

// Bit i: whether lane i of x is greater than that of y.
VD_INLINE uint32_t v16_above(v16 x, v16 y) { return _mm512_cmp_ps_mask(x, y, _CMP_GT_OQ); }

VD_INLINE float v16_greatest(v16 x) { return _mm512_reduce_max_ps(x); }

VD_INLINE v16i v16i_zero(void) { return _mm512_setzero_si512(); }
VD_INLINE v16i v16i_splat(int32_t x) { return _mm512_set1_epi32(x); }
VD_INLINE v16i v16i_load(const void *p) { return _mm512_loadu_si512(p); }
VD_INLINE v16i v16i_load_bytes(const uint8_t *p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
}
VD_INLINE v16i v16i_load_signed_bytes(const uint8_t *p) {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p));
}

// (x >> from) & mask, and x << by; counts from 0 to 31.
VD_INLINE v16i v16i_bits(v16i x, int from, int32_t mask) {
    return _mm512_and_si512((v16i)((uint32x16)x >> (uint32_t)from), v16i_splat(mask));
}
VD_INLINE v16i v16i_shift_left(v16i x, int by) { return (v16i)((uint32x16)x << (uint32_t)by); }

VD_INLINE v16i v16i_add(v16i a, v16i b) { return _mm512_add_epi32(a, b); }
VD_INLINE v16i v16i_sub(v16i a, v16i b) { return _mm512_sub_epi32(a, b); }
VD_INLINE v16i v16i_halve(v16i a) { return _mm512_srai_epi32(a, 1); }
VD_INLINE v16i v16i_max(v16i a, v16i b) { return _mm512_max_epi32(a, b); }
VD_INLINE int32_t v16i_greatest(v16i a) { return _mm512_reduce_max_epi32(a); }
VD_INLINE int32_t v16i_sum(v16i a) { return _mm512_reduce_add_epi32(a); }
VD_INLINE v16i v16_round(v16 x) { return _mm512_cvtps_epi32(x); }
VD_INLINE v16 v16_from_int(v16i x) { return _mm512_cvtepi32_ps(x); }

// The floats that have these bits.
VD_INLINE v16 v16_from_bits(v16i x) { return _mm512_castsi512_ps(x); }

// 2^n for -126 <= n <= 127.
VD_INLINE v16 v16_pow2(v16i n) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(n, v16i_splat(127)), 23));
}

// x * 2^n, rounded once; x * 2^(n/2) is a normal float.
VD_INLINE v16 v16_times_pow2(v16 x, v16i n) { return _mm512_scalef_ps(x, v16_from_int(n)); }

// The bits of |x|, which order as |x| does.
VD_INLINE v16i v16_magnitude_bits(v16 x) {
    return _mm512_and_epi32(_mm512_castps_si512(x), v16i_splat(0x7fffffff));
}

// Stores 16 integers of -128 to 127 as bytes.
VD_INLINE void v16i_store_bytes(int8_t *p, v16i x) {
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(x));
}

// 64 bytes: 16 rows x 4 adjacent weights, one unit of the packed layout.
typedef __m512i v64;

VD_INLINE v64 v64_load(const void *p) { return _mm512_loadu_si512(p); }
VD_INLINE void v64_store(void *p, v64 w) { _mm512_storeu_si512(p, w); }
// The same bytes, of which the compiler knows nothing.
VD_INLINE v64 v64_opaque(v64 w) {
    __asm__("" : "+v"(w));
    return w;
}
VD_INLINE v64 v64_or(v64 a, v64 b) { return _mm512_or_si512(a, b); }

// In each byte, bits [from, from + width) moved to [to, to + width).
VD_INLINE v64 v64_bits(v64 w, int from, int width, int to) {
    uint16x32 words = (uint16x32)w;
    words = from >= to ? words >> (uint16_t)(from - to) : words << (uint16_t)(to - from);
    return _mm512_and_si512((v64)words, _mm512_set1_epi8((char)(((1 << width) - 1) << to)));
}

// Byte i of the result is entry index[i] (0 to 15) of the table.
VD_INLINE v64 v64_table(const int8_t table[16]) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)table));
}
VD_INLINE v64 v64_look_up(v64 table, v64 index) { return _mm512_shuffle_epi8(table, index); }

// In each quarter, four bytes j of u[i] change places with four bytes i of u[j]: four units with
// adjacent columns become rows, of which quarter q of u[i] is row 4q + i.
VD_INLINE void v64_turn_four(v64 u[4]) {
    v64 low01 = _mm512_unpacklo_epi32(u[0], u[1]), high01 = _mm512_unpackhi_epi32(u[0], u[1]);
    v64 low23 = _mm512_unpacklo_epi32(u[2], u[3]), high23 = _mm512_unpackhi_epi32(u[2], u[3]);
    u[0] = _mm512_unpacklo_epi64(low01, low23);
    u[1] = _mm512_unpackhi_epi64(low01, low23);
    u[2] = _mm512_unpacklo_epi64(high01, high23);
    u[3] = _mm512_unpackhi_epi64(high01, high23);
}

// Per row: sum + the products of 4 unsigned weights with the 4 signed bytes of a.
VD_INLINE v16i v64_dot_unsigned(v16i sum, v64 w, const int8_t *a) {
    int32_t four;
    __builtin_memcpy(&four, a, sizeof four);
    return _mm512_dpbusd_epi32(sum, w, v16i_splat(four));
}

// VNNI multiplies unsigned by signed bytes, so signed weights are raised by VD_SIGNED_BIAS, and the
// sum starts that much times the sum of the activations lower.
enum { VD_SIGNED_BIAS = 128 };

VD_INLINE v64 v64_signed(v64 w) { return _mm512_xor_si512(w, _mm512_set1_epi8(-128)); }
VD_INLINE v16i v64_dot_signed(v16i sum, v64 w, const int8_t *a) {
    return v64_dot_unsigned(sum, w, a);
}

#include "simd/whole_runs.h"

#endif

// v16: the 16 lanes of docs/numerics.md in two AVX2 registers, and integer dot products by
// vpmaddubsw, or by vpdpbusd where the source is compiled for AVX-VNNI. The kernels in *_v16.h are
// written over these names; simd/v16_avx512.h has the same.
#ifndef VD_SIMD_V16_AVX2_H
#define VD_SIMD_V16_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "core/arch.h"

#ifdef __AVXVNNI__
#define VD_NAME(stem) stem##_avx_vnni
#else
#define VD_NAME(stem) stem##_avx2
#endif

enum {
    VD_TILE_TOKENS = 5,  // quantized matmul: tokens whose integer sums fill the registers
    VD_PLAIN_TILE_TOKENS = VD_TILE_TOKENS,
    VD_TILE_GROUPS = 1,
    VD_FEW_TOKENS = 1,  // up to so many tokens, more groups instead: memory likes many streams
    VD_FEW_GROUPS = 2,
    VD_FLOAT_TILE_TOKENS = 2,  // float matmul: tokens and rows of a tile
    VD_FLOAT_TILE_ROWS = 2,
    VD_FLOAT_PANEL_TOKENS = 3,  // and tokens of which one register is summed with those of 4 rows
    VD_ATTENTION_QUERIES = 3,   // attention: queries, and vectors of positions or elements
    VD_ATTENTION_VECTORS = 2,
    VD_WIDE_QUERIES = 7,      // their number from which keys and values are converted for all
    VD_GRADIENT_QUERIES = 4,  // attention backward: queries, and tiles of positions
    VD_GRADIENT_TILES = 1,
    VD_GRADIENT_SUMS = 2,  // and queries whose sums over positions are taken together
    VD_PANEL_ROWS = 6,     // matmul backward: rows, and vectors of columns
    VD_PANEL_WIDTH = 1,
};

typedef struct v16 {
    __m256 lo, hi;
} v16;

typedef struct v16i {
    __m256i lo, hi;
} v16i;

typedef uint16_t uint16x16 __attribute__((vector_size(32)));
typedef uint32_t uint32x8 __attribute__((vector_size(32)));

// All bits set in the first n of 8 lanes; n may lie outside 0 to 8.
VD_INLINE __m256i v8_mask(int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)n),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

VD_INLINE v16 v16_zero(void) { return (v16){_mm256_setzero_ps(), _mm256_setzero_ps()}; }
VD_INLINE v16 v16_splat(float x) { return (v16){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
VD_INLINE v16 v16_load(const float *p) { return (v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
VD_INLINE void v16_store(float *p, v16 x) {
    _mm256_storeu_ps(p, x.lo);
    _mm256_storeu_ps(p + 8, x.hi);
}

// The first n (0 to 15) lanes; the others are zero, or are left alone in memory.
VD_INLINE v16 v16_load_part(const float *p, int64_t n) {
    return (v16){_mm256_maskload_ps(p, v8_mask(n)), _mm256_maskload_ps(p + 8, v8_mask(n - 8))};
}
VD_INLINE void v16_store_part(float *p, v16 x, int64_t n) {
    _mm256_maskstore_ps(p, v8_mask(n), x.lo);
    _mm256_maskstore_ps(p + 8, v8_mask(n - 8), x.hi);
}
VD_INLINE v16 v16_keep(v16 x, int64_t n, v16 others) {
    return (v16){_mm256_blendv_ps(others.lo, x.lo, _mm256_castsi256_ps(v8_mask(n))),
                 _mm256_blendv_ps(others.hi, x.hi, _mm256_castsi256_ps(v8_mask(n - 8)))};
}

VD_INLINE v16 v16_load_halves(const void *p) {
    const __m128i *halves = p;
    return (v16){_mm256_cvtph_ps(_mm_loadu_si128(halves)),
                 _mm256_cvtph_ps(_mm_loadu_si128(halves + 1))};
}
VD_INLINE v16 v16_splat_half(uint16_t half) { return v16_splat(_cvtsh_ss(half)); }
VD_INLINE v16 v16_load_halves_part(const void *p, int64_t n) {
    uint16_t halves[16] = {0};
    memcpy(halves, p, (size_t)n * sizeof halves[0]);
    return v16_load_halves(halves);
}

// 16 bfloats, exact.
VD_INLINE v16 v16_load_bfloats(const void *p) {
    const __m128i *parts = p;
    __m256i lo = _mm256_cvtepu16_epi32(_mm_loadu_si128(parts));
    __m256i hi = _mm256_cvtepu16_epi32(_mm_loadu_si128(parts + 1));
    return (v16){_mm256_castsi256_ps(_mm256_slli_epi32(lo, 16)),
                 _mm256_castsi256_ps(_mm256_slli_epi32(hi, 16))};
}
VD_INLINE v16 v16_load_bfloats_part(const void *p, int64_t n) {
    uint16_t bfloats[16] = {0};
    memcpy(bfloats, p, (size_t)n * sizeof bfloats[0]);
    return v16_load_bfloats(bfloats);
}

// 16 signed bytes as floats.
VD_INLINE v16 v16_load_bytes(const int8_t *p) {
    __m256i lo = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p));
    __m256i hi = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(p + 8)));
    return (v16){_mm256_cvtepi32_ps(lo), _mm256_cvtepi32_ps(hi)};
}

VD_INLINE v16 v16_add(v16 a, v16 b) {
    return (v16){_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
VD_INLINE v16 v16_sub(v16 a, v16 b) {
    return (v16){_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
VD_INLINE v16 v16_mul(v16 a, v16 b) {
    return (v16){_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
VD_INLINE v16 v16_div(v16 a, v16 b) {
    return (v16){_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
VD_INLINE v16 v16_fma(v16 a, v16 b, v16 c) {
    return (v16){_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}

// One of the registers of a v16.
enum { VD_LANES = 8 };
typedef __m256 vr;
VD_INLINE vr vr_load(const float *p) { return _mm256_loadu_ps(p); }
VD_INLINE void vr_store(float *p, vr x) { _mm256_storeu_ps(p, x); }
VD_INLINE vr vr_fma(vr a, vr b, vr c) { return _mm256_fmadd_ps(a, b, c); }

VD_INLINE v16 v16_negate(v16 x) {
    __m256 sign = _mm256_set1_ps(-0.0f);
    return (v16){_mm256_xor_ps(x.lo, sign), _mm256_xor_ps(x.hi, sign)};
}

// x > y ? x : y, so that a NaN in x becomes y, and one in y remains.
VD_INLINE v16 v16_max(v16 x, v16 y) {
    return (v16){_mm256_max_ps(x.lo, y.lo), _mm256_max_ps(x.hi, y.hi)};
}
VD_INLINE v16 v16_min(v16 x, v16 y) {
    return (v16){_mm256_min_ps(x.lo, y.lo), _mm256_min_ps(x.hi, y.hi)};
}

// The fixed tree of a lane sum.
VD_INLINE float v16_merge(v16 x) {
    __m256 a = _mm256_add_ps(x.lo, x.hi);
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c))) + 0.0f;
}

VD_INLINE __m256 v8_merge_halves(v16 x, v16 y) {
    __m256 a = _mm256_add_ps(x.lo, x.hi);
    __m256 b = _mm256_add_ps(y.lo, y.hi);
    return _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
}
// The merges of 4 sums, to memory. Each addition does as many as it has lanes for.
VD_INLINE void v16_merge_four(float *y, const v16 x[4]) {
    __m256 a = v8_merge_halves(x[0], x[2]);
    __m256 b = v8_merge_halves(x[1], x[3]);
    __m256 c = _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x44), _mm256_shuffle_ps(a, b, 0xee));
    __m256 d = _mm256_add_ps(c, _mm256_movehdup_ps(c));
    __m256 e = _mm256_shuffle_ps(d, d, 0x88);
    __m128 sums = _mm_movelh_ps(_mm256_castps256_ps128(e), _mm256_extractf128_ps(e, 1));
    _mm_storeu_ps(y, _mm_add_ps(sums, _mm_setzero_ps()));
}

// Bit i: whether lane i of x is greater than that of y.
VD_INLINE uint32_t v16_above(v16 x, v16 y) {
    int lo = _mm256_movemask_ps(_mm256_cmp_ps(x.lo, y.lo, _CMP_GT_OQ));
    int hi = _mm256_movemask_ps(_mm256_cmp_ps(x.hi, y.hi, _CMP_GT_OQ));
    return (uint32_t)(lo | hi << 8);
}

VD_INLINE float v16_greatest(v16 x) {
    __m256 a = _mm256_max_ps(x.lo, x.hi);
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}

VD_INLINE v16i v16i_zero(void) { return (v16i){_mm256_setzero_si256(), _mm256_setzero_si256()}; }
VD_INLINE v16i v16i_splat(int32_t x) { return (v16i){_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
VD_INLINE v16i v16i_load(const void *p) {
    const __m256i *halves = p;
    return (v16i){_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
}
VD_INLINE v16i v16i_load_bytes(const uint8_t *p) {
    return (v16i){_mm256_cvtepu8_epi32(_mm_loadu_si64(p)),
                  _mm256_cvtepu8_epi32(_mm_loadu_si64(p + 8))};
}
VD_INLINE v16i v16i_load_signed_bytes(const uint8_t *p) {
    return (v16i){_mm256_cvtepi8_epi32(_mm_loadu_si64(p)),
                  _mm256_cvtepi8_epi32(_mm_loadu_si64(p + 8))};
}

// (x >> from) & mask, and x << by; counts from 0 to 31.
VD_INLINE v16i v16i_bits(v16i x, int from, int32_t mask) {
    __m256i all = _mm256_set1_epi32(mask);
    return (v16i){_mm256_and_si256((__m256i)((uint32x8)x.lo >> (uint32_t)from), all),
                  _mm256_and_si256((__m256i)((uint32x8)x.hi >> (uint32_t)from), all)};
}
VD_INLINE v16i v16i_shift_left(v16i x, int by) {
    return (v16i){(__m256i)((uint32x8)x.lo << (uint32_t)by),
                  (__m256i)((uint32x8)x.hi << (uint32_t)by)};
}

VD_INLINE v16i v16i_add(v16i a, v16i b) {
    return (v16i){_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)};
}
VD_INLINE v16i v16i_sub(v16i a, v16i b) {
    return (v16i){_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)};
}
VD_INLINE v16i v16i_halve(v16i a) {
    return (v16i){_mm256_srai_epi32(a.lo, 1), _mm256_srai_epi32(a.hi, 1)};
}
VD_INLINE v16i v16i_max(v16i a, v16i b) {
    return (v16i){_mm256_max_epi32(a.lo, b.lo), _mm256_max_epi32(a.hi, b.hi)};
}
VD_INLINE int32_t v16i_greatest(v16i a) {
    __m256i x = _mm256_max_epi32(a.lo, a.hi);
    __m128i y = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    y = _mm_max_epi32(y, _mm_shuffle_epi32(y, _MM_SHUFFLE(1, 0, 3, 2)));
    y = _mm_max_epi32(y, _mm_shuffle_epi32(y, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(y);
}
VD_INLINE int32_t v16i_sum(v16i a) {
    __m256i x = _mm256_add_epi32(a.lo, a.hi);
    __m128i y = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    y = _mm_add_epi32(y, _mm_shuffle_epi32(y, _MM_SHUFFLE(1, 0, 3, 2)));
    y = _mm_add_epi32(y, _mm_shuffle_epi32(y, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(y);
}
VD_INLINE v16i v16_round(v16 x) {
    return (v16i){_mm256_cvtps_epi32(x.lo), _mm256_cvtps_epi32(x.hi)};
}
VD_INLINE v16 v16_from_int(v16i x) {
    return (v16){_mm256_cvtepi32_ps(x.lo), _mm256_cvtepi32_ps(x.hi)};
}

// The floats that have these bits.
VD_INLINE v16 v16_from_bits(v16i x) {
    return (v16){_mm256_castsi256_ps(x.lo), _mm256_castsi256_ps(x.hi)};
}

// 2^n for -126 <= n <= 127.
VD_INLINE v16 v16_pow2(v16i n) {
    v16i biased = v16i_add(n, v16i_splat(127));
    return (v16){_mm256_castsi256_ps(_mm256_slli_epi32(biased.lo, 23)),
                 _mm256_castsi256_ps(_mm256_slli_epi32(biased.hi, 23))};
}

// x * 2^n, rounded once; x * 2^(n/2) is a normal float.
VD_INLINE v16 v16_times_pow2(v16 x, v16i n) {
    v16i half = v16i_halve(n);
    return v16_mul(v16_mul(x, v16_pow2(half)), v16_pow2(v16i_sub(n, half)));
}

// The bits of |x|, which order as |x| does.
VD_INLINE v16i v16_magnitude_bits(v16 x) {
    __m256i all = _mm256_set1_epi32(0x7fffffff);
    return (v16i){_mm256_and_si256(_mm256_castps_si256(x.lo), all),
                  _mm256_and_si256(_mm256_castps_si256(x.hi), all)};
}

// Stores 16 integers of -128 to 127 as bytes.
VD_INLINE void v16i_store_bytes(int8_t *p, v16i x) {
    __m256i words =
        _mm256_permute4x64_epi64(_mm256_packs_epi32(x.lo, x.hi), _MM_SHUFFLE(3, 1, 2, 0));
    _mm_storeu_si128((__m128i *)p, _mm_packs_epi16(_mm256_castsi256_si128(words),
                                                   _mm256_extracti128_si256(words, 1)));
}

// 64 bytes: 16 rows x 4 adjacent weights, one unit of the packed layout.
typedef v16i v64;

VD_INLINE v64 v64_load(const void *p) {
    const __m256i *halves = p;
    return (v64){_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
}
VD_INLINE void v64_store(void *p, v64 w) {
    __m256i *halves = p;
    _mm256_storeu_si256(halves, w.lo);
    _mm256_storeu_si256(halves + 1, w.hi);
}
// The same bytes, of which the compiler knows nothing.
VD_INLINE v64 v64_opaque(v64 w) {
    __asm__("" : "+x"(w.lo), "+x"(w.hi));
    return w;
}
VD_INLINE v64 v64_or(v64 a, v64 b) {
    return (v64){_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)};
}

// In each byte, bits [from, from + width) moved to [to, to + width).
VD_INLINE __m256i v32_bits(__m256i w, int from, int width, int to) {
    uint16x16 words = (uint16x16)w;
    words = from >= to ? words >> (uint16_t)(from - to) : words << (uint16_t)(to - from);
    return _mm256_and_si256((__m256i)words, _mm256_set1_epi8((char)(((1 << width) - 1) << to)));
}
VD_INLINE v64 v64_bits(v64 w, int from, int width, int to) {
    return (v64){v32_bits(w.lo, from, width, to), v32_bits(w.hi, from, width, to)};
}

// Byte i of the result is entry index[i] (0 to 15) of the table.
VD_INLINE v64 v64_table(const int8_t table[16]) {
    __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
    return (v64){both, both};
}
VD_INLINE v64 v64_look_up(v64 table, v64 index) {
    return (v64){_mm256_shuffle_epi8(table.lo, index.lo), _mm256_shuffle_epi8(table.hi, index.hi)};
}

// In each quarter, four bytes j of u[i] change places with four bytes i of u[j]: four units with
// adjacent columns become rows, of which quarter q of u[i] is row 4q + i.
VD_INLINE void v32_turn_four(__m256i *u0, __m256i *u1, __m256i *u2, __m256i *u3) {
    __m256i low01 = _mm256_unpacklo_epi32(*u0, *u1), high01 = _mm256_unpackhi_epi32(*u0, *u1);
    __m256i low23 = _mm256_unpacklo_epi32(*u2, *u3), high23 = _mm256_unpackhi_epi32(*u2, *u3);
    *u0 = _mm256_unpacklo_epi64(low01, low23);
    *u1 = _mm256_unpackhi_epi64(low01, low23);
    *u2 = _mm256_unpacklo_epi64(high01, high23);
    *u3 = _mm256_unpackhi_epi64(high01, high23);
}
VD_INLINE void v64_turn_four(v64 u[4]) {
    v32_turn_four(&u[0].lo, &u[1].lo, &u[2].lo, &u[3].lo);
    v32_turn_four(&u[0].hi, &u[1].hi, &u[2].hi, &u[3].hi);
}

VD_INLINE __m256i v8_splat_four(const int8_t *a) {
    int32_t four;
    memcpy(&four, a, sizeof four);
    return _mm256_set1_epi32(four);
}

#ifdef __AVXVNNI__
VD_INLINE v16i v64_dot_unsigned(v16i sum, v64 w, const int8_t *a) {
    __m256i four = v8_splat_four(a);
    return (v16i){_mm256_dpbusd_avx_epi32(sum.lo, w.lo, four),
                  _mm256_dpbusd_avx_epi32(sum.hi, w.hi, four)};
}

// vpdpbusd multiplies unsigned by signed bytes, so signed weights are raised by VD_SIGNED_BIAS, and
// the sum starts that much times the sum of the activations lower.
enum { VD_SIGNED_BIAS = 128 };

VD_INLINE v64 v64_signed(v64 w) {
    __m256i raise = _mm256_set1_epi8(-128);
    return (v64){_mm256_xor_si256(w.lo, raise), _mm256_xor_si256(w.hi, raise)};
}
VD_INLINE v16i v64_dot_signed(v16i sum, v64 w, const int8_t *a) {
    return v64_dot_unsigned(sum, w, a);
}

#include "simd/whole_runs.h"
#else
// Sums of a run of dot products have 16 bits, 2 for each row. As many columns of 4 weights whose
// magnitudes reach `greatest` fit as leave 2 * 127 * greatest times their number below 32768; then
// neither the products (which vpmaddubsw would clamp) nor the sums leave 16 bits.
VD_INLINE int v64_run(int greatest) { return 32767 / (2 * 127 * greatest); }
VD_INLINE v16i v64_begin_run(v16i sum) {
    (void)sum;
    return v16i_zero();
}
VD_INLINE v16i v64_end_run(v16i sum, v16i run) {
    __m256i ones = _mm256_set1_epi16(1);
    return (v16i){_mm256_add_epi32(sum.lo, _mm256_madd_epi16(run.lo, ones)),
                  _mm256_add_epi32(sum.hi, _mm256_madd_epi16(run.hi, ones))};
}

// Adds now. GCC puts off additions until their sum is read, and has no registers for the products
// of a whole run.
VD_INLINE v16i v64_add_products(v16i run, __m256i lo, __m256i hi) {
    v16i sum = {_mm256_add_epi16(run.lo, lo), _mm256_add_epi16(run.hi, hi)};
    __asm__("" : "+x"(sum.lo), "+x"(sum.hi));
    return sum;
}

// Per row: run + the products of 4 unsigned weights with the 4 signed bytes of a.
VD_INLINE v16i v64_dot_unsigned(v16i run, v64 w, const int8_t *a) {
    __m256i four = v8_splat_four(a);
    return v64_add_products(run, _mm256_maddubs_epi16(w.lo, four),
                            _mm256_maddubs_epi16(w.hi, four));
}

// Signed weights: |w| * (a with the sign of w).
enum { VD_SIGNED_BIAS = 0 };

VD_INLINE v64 v64_signed(v64 w) { return w; }
VD_INLINE v16i v64_dot_signed(v16i run, v64 w, const int8_t *a) {
    __m256i four = v8_splat_four(a);
    __m256i lo = _mm256_maddubs_epi16(_mm256_abs_epi8(w.lo), _mm256_sign_epi8(four, w.lo));
    __m256i hi = _mm256_maddubs_epi16(_mm256_abs_epi8(w.hi), _mm256_sign_epi8(four, w.hi));
    return v64_add_products(run, lo, hi);
}
#endif

#endif

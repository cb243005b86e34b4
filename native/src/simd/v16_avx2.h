// The 16 virtual lanes of docs/numerics.md in two AVX2 registers, with integer dot products by
// vpmaddubsw, or by vpdpbusd if compiled for AVX-VNNI. The kernels in *_v16.h use the types f32x16
// (16 floats), i32x16 (16 int32) and i8x64 (64 int8); simd/v16_avx512.h and simd/lanes_neon.h
// define the same names.
#ifndef VD_SIMD_V16_AVX2_H
#define VD_SIMD_V16_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "core/arch.h"
#include "types/half.h"

#ifdef __AVXVNNI__
#define VD_NAME(stem) stem##_avx_vnni
#else
#define VD_NAME(stem) stem##_avx2
#endif

enum {
    VD_TILE_TOKENS = 5,  // quantized matmul: tokens with integer sums that fill the registers
    VD_TILE_GROUPS = 1,
    VD_FEW_TOKENS = 1,  // up to this number, more groups instead: memory favors several streams
    VD_FEW_GROUPS = 2,
    VD_FLOAT_TILE_TOKENS = 2,  // float matmul: tokens and rows of a tile
    VD_FLOAT_TILE_ROWS = 2,
    VD_FLOAT_PANEL_TOKENS = 3,  // and tokens; one register of each is added with those of 4 rows
    VD_ATTENTION_QUERIES = 3,   // attention: queries, and vectors of positions or elements
    VD_ATTENTION_VECTORS = 2,
    VD_WIDE_QUERIES = 7,      // minimum queries for converting keys and values only once
    VD_GRADIENT_QUERIES = 4,  // attention backward: queries, and tiles of positions
    VD_GRADIENT_TILES = 1,
    VD_GRADIENT_SUMS = 2,  // and queries; their sums over positions are computed together
    VD_PANEL_ROWS = 6,     // matmul backward: rows, and vectors of columns
    VD_PANEL_WIDTH = 1,
};

typedef struct f32x16 {
    __m256 lo, hi;
} f32x16;

typedef struct i32x16 {
    __m256i lo, hi;
} i32x16;

typedef uint16_t uint16x16 __attribute__((vector_size(32)));
typedef uint32_t uint32x8 __attribute__((vector_size(32)));

// Sets all bits of the first n of 8 lanes; n may be outside [0, 8].
VD_INLINE __m256i i32x8_mask(int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)n),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

VD_INLINE f32x16 f32x16_zero(void) { return (f32x16){_mm256_setzero_ps(), _mm256_setzero_ps()}; }
VD_INLINE f32x16 f32x16_splat(float x) { return (f32x16){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
VD_INLINE f32x16 f32x16_load(const float *p) {
    return (f32x16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
VD_INLINE void f32x16_store(float *p, f32x16 x) {
    _mm256_storeu_ps(p, x.lo);
    _mm256_storeu_ps(p + 8, x.hi);
}

// Loads or stores the first n (0 to 15) lanes. Other lanes are zero, or are not stored.
VD_INLINE f32x16 f32x16_load_part(const float *p, int64_t n) {
    return (f32x16){_mm256_maskload_ps(p, i32x8_mask(n)),
                    _mm256_maskload_ps(p + 8, i32x8_mask(n - 8))};
}
VD_INLINE void f32x16_store_part(float *p, f32x16 x, int64_t n) {
    _mm256_maskstore_ps(p, i32x8_mask(n), x.lo);
    _mm256_maskstore_ps(p + 8, i32x8_mask(n - 8), x.hi);
}
VD_INLINE f32x16 f32x16_blend_first(f32x16 x, int64_t n, f32x16 others) {
    return (f32x16){_mm256_blendv_ps(others.lo, x.lo, _mm256_castsi256_ps(i32x8_mask(n))),
                    _mm256_blendv_ps(others.hi, x.hi, _mm256_castsi256_ps(i32x8_mask(n - 8)))};
}

VD_INLINE f32x16 f32x16_load_halves(const void *p) {
    const __m128i *halves = p;
    return (f32x16){_mm256_cvtph_ps(_mm_loadu_si128(halves)),
                    _mm256_cvtph_ps(_mm_loadu_si128(halves + 1))};
}
VD_INLINE f32x16 f32x16_splat_half(uint16_t half) { return f32x16_splat(_cvtsh_ss(half)); }
VD_INLINE f32x16 f32x16_load_halves_part(const void *p, int64_t n) {
    uint16_t halves[16] = {0};
    memcpy(halves, p, (size_t)n * sizeof halves[0]);
    return f32x16_load_halves(halves);
}

// Converts bfloat16 exactly.
VD_INLINE f32x16 f32x16_load_bfloats(const void *p) {
    const __m128i *parts = p;
    __m256i lo = _mm256_cvtepu16_epi32(_mm_loadu_si128(parts));
    __m256i hi = _mm256_cvtepu16_epi32(_mm_loadu_si128(parts + 1));
    return (f32x16){_mm256_castsi256_ps(_mm256_slli_epi32(lo, 16)),
                    _mm256_castsi256_ps(_mm256_slli_epi32(hi, 16))};
}
VD_INLINE f32x16 f32x16_load_bfloats_part(const void *p, int64_t n) {
    uint16_t bfloats[16] = {0};
    memcpy(bfloats, p, (size_t)n * sizeof bfloats[0]);
    return f32x16_load_bfloats(bfloats);
}

// Loads 16 signed bytes as floats.
VD_INLINE f32x16 f32x16_load_bytes(const int8_t *p) {
    __m256i lo = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p));
    __m256i hi = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(p + 8)));
    return (f32x16){_mm256_cvtepi32_ps(lo), _mm256_cvtepi32_ps(hi)};
}

VD_INLINE f32x16 f32x16_add(f32x16 a, f32x16 b) {
    return (f32x16){_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
VD_INLINE f32x16 f32x16_sub(f32x16 a, f32x16 b) {
    return (f32x16){_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
VD_INLINE f32x16 f32x16_mul(f32x16 a, f32x16 b) {
    return (f32x16){_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
VD_INLINE f32x16 f32x16_div(f32x16 a, f32x16 b) {
    return (f32x16){_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
VD_INLINE f32x16 f32x16_sqrt(f32x16 x) {
    return (f32x16){_mm256_sqrt_ps(x.lo), _mm256_sqrt_ps(x.hi)};
}
VD_INLINE f32x16 f32x16_fma(f32x16 a, f32x16 b, f32x16 c) {
    return (f32x16){_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}

// One register of an f32x16.
enum { VD_REGISTER_LANES = 8 };
typedef __m256 f32reg;
VD_INLINE f32reg f32reg_load(const float *p) { return _mm256_loadu_ps(p); }
VD_INLINE void f32reg_store(float *p, f32reg x) { _mm256_storeu_ps(p, x); }
VD_INLINE f32reg f32reg_fma(f32reg a, f32reg b, f32reg c) { return _mm256_fmadd_ps(a, b, c); }

VD_INLINE f32x16 f32x16_negate(f32x16 x) {
    __m256 sign = _mm256_set1_ps(-0.0f);
    return (f32x16){_mm256_xor_ps(x.lo, sign), _mm256_xor_ps(x.hi, sign)};
}

// Returns x > y ? x : y, so that a NaN in x yields y, and a NaN in y remains.
VD_INLINE f32x16 f32x16_max(f32x16 x, f32x16 y) {
    return (f32x16){_mm256_max_ps(x.lo, y.lo), _mm256_max_ps(x.hi, y.hi)};
}
VD_INLINE f32x16 f32x16_min(f32x16 x, f32x16 y) {
    return (f32x16){_mm256_min_ps(x.lo, y.lo), _mm256_min_ps(x.hi, y.hi)};
}

// Adds the lanes in the fixed tree of a lane sum.
VD_INLINE float f32x16_reduce_add(f32x16 x) {
    __m256 a = _mm256_add_ps(x.lo, x.hi);
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c))) + 0.0f;
}

VD_INLINE __m256 f32x8_reduce_add_halves(f32x16 x, f32x16 y) {
    __m256 a = _mm256_add_ps(x.lo, x.hi);
    __m256 b = _mm256_add_ps(y.lo, y.hi);
    return _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
}
// Stores the lane sums of 4 vectors. Each addition computes as many as it has lanes for.
VD_INLINE void f32x16_reduce_add_four(float *y, const f32x16 x[4]) {
    __m256 a = f32x8_reduce_add_halves(x[0], x[2]);
    __m256 b = f32x8_reduce_add_halves(x[1], x[3]);
    __m256 c = _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x44), _mm256_shuffle_ps(a, b, 0xee));
    __m256 d = _mm256_add_ps(c, _mm256_movehdup_ps(c));
    __m256 e = _mm256_shuffle_ps(d, d, 0x88);
    __m128 sums = _mm_movelh_ps(_mm256_castps256_ps128(e), _mm256_extractf128_ps(e, 1));
    _mm_storeu_ps(y, _mm_add_ps(sums, _mm_setzero_ps()));
}

// Returns a mask with bit i set if lane i of x is greater than that of y.
VD_INLINE uint32_t f32x16_greater_mask(f32x16 x, f32x16 y) {
    int lo = _mm256_movemask_ps(_mm256_cmp_ps(x.lo, y.lo, _CMP_GT_OQ));
    int hi = _mm256_movemask_ps(_mm256_cmp_ps(x.hi, y.hi, _CMP_GT_OQ));
    return (uint32_t)(lo | hi << 8);
}

VD_INLINE float f32x16_reduce_max(f32x16 x) {
    __m256 a = _mm256_max_ps(x.lo, x.hi);
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}

VD_INLINE i32x16 i32x16_zero(void) {
    return (i32x16){_mm256_setzero_si256(), _mm256_setzero_si256()};
}
VD_INLINE i32x16 i32x16_splat(int32_t x) {
    return (i32x16){_mm256_set1_epi32(x), _mm256_set1_epi32(x)};
}
VD_INLINE i32x16 i32x16_load(const void *p) {
    const __m256i *halves = p;
    return (i32x16){_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
}
VD_INLINE i32x16 i32x16_load_bytes(const uint8_t *p) {
    return (i32x16){_mm256_cvtepu8_epi32(_mm_loadu_si64(p)),
                    _mm256_cvtepu8_epi32(_mm_loadu_si64(p + 8))};
}
VD_INLINE i32x16 i32x16_load_signed_bytes(const uint8_t *p) {
    return (i32x16){_mm256_cvtepi8_epi32(_mm_loadu_si64(p)),
                    _mm256_cvtepi8_epi32(_mm_loadu_si64(p + 8))};
}

// Returns (x >> from) & mask, and x << by; counts from 0 to 31.
VD_INLINE i32x16 i32x16_bits(i32x16 x, int from, int32_t mask) {
    __m256i all = _mm256_set1_epi32(mask);
    return (i32x16){_mm256_and_si256((__m256i)((uint32x8)x.lo >> (uint32_t)from), all),
                    _mm256_and_si256((__m256i)((uint32x8)x.hi >> (uint32_t)from), all)};
}
VD_INLINE i32x16 i32x16_shift_left(i32x16 x, int by) {
    return (i32x16){(__m256i)((uint32x8)x.lo << (uint32_t)by),
                    (__m256i)((uint32x8)x.hi << (uint32_t)by)};
}

VD_INLINE i32x16 i32x16_add(i32x16 a, i32x16 b) {
    return (i32x16){_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)};
}
VD_INLINE i32x16 i32x16_sub(i32x16 a, i32x16 b) {
    return (i32x16){_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)};
}
VD_INLINE i32x16 i32x16_halve(i32x16 a) {
    return (i32x16){_mm256_srai_epi32(a.lo, 1), _mm256_srai_epi32(a.hi, 1)};
}
VD_INLINE i32x16 i32x16_max(i32x16 a, i32x16 b) {
    return (i32x16){_mm256_max_epi32(a.lo, b.lo), _mm256_max_epi32(a.hi, b.hi)};
}
VD_INLINE int32_t i32x16_reduce_max(i32x16 a) {
    __m256i x = _mm256_max_epi32(a.lo, a.hi);
    __m128i y = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    y = _mm_max_epi32(y, _mm_shuffle_epi32(y, _MM_SHUFFLE(1, 0, 3, 2)));
    y = _mm_max_epi32(y, _mm_shuffle_epi32(y, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(y);
}
VD_INLINE int32_t i32x16_reduce_add(i32x16 a) {
    __m256i x = _mm256_add_epi32(a.lo, a.hi);
    __m128i y = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    y = _mm_add_epi32(y, _mm_shuffle_epi32(y, _MM_SHUFFLE(1, 0, 3, 2)));
    y = _mm_add_epi32(y, _mm_shuffle_epi32(y, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(y);
}
VD_INLINE i32x16 f32x16_round(f32x16 x) {
    return (i32x16){_mm256_cvtps_epi32(x.lo), _mm256_cvtps_epi32(x.hi)};
}
VD_INLINE f32x16 f32x16_from_int(i32x16 x) {
    return (f32x16){_mm256_cvtepi32_ps(x.lo), _mm256_cvtepi32_ps(x.hi)};
}

// Reinterprets bits as floats.
VD_INLINE f32x16 f32x16_from_bits(i32x16 x) {
    return (f32x16){_mm256_castsi256_ps(x.lo), _mm256_castsi256_ps(x.hi)};
}

// Returns 2^n for -126 <= n <= 127.
VD_INLINE f32x16 f32x16_pow2(i32x16 n) {
    i32x16 biased = i32x16_add(n, i32x16_splat(127));
    return (f32x16){_mm256_castsi256_ps(_mm256_slli_epi32(biased.lo, 23)),
                    _mm256_castsi256_ps(_mm256_slli_epi32(biased.hi, 23))};
}

// Returns p in lanes with x > least or NaN, else +0.
VD_INLINE __m256 f32x8_keep_above(float least, __m256 x, __m256 p) {
    return _mm256_and_ps(p, _mm256_cmp_ps(x, _mm256_set1_ps(least), _CMP_NLE_UQ));
}

// Returns p * 2^n, rounded once, if p * 2^(n/2) is a normal float. Lanes with x <= least must have
// a result that rounds to +0, and are not computed: a denormal result takes Intel's processors some
// 100 cycles.
VD_INLINE f32x16 f32x16_ldexp_above(float least, f32x16 x, f32x16 p, i32x16 n) {
    f32x16 kept = {f32x8_keep_above(least, x.lo, p.lo), f32x8_keep_above(least, x.hi, p.hi)};
    i32x16 half = i32x16_halve(n);
    return f32x16_mul(f32x16_mul(kept, f32x16_pow2(half)), f32x16_pow2(i32x16_sub(n, half)));
}

// Returns vd_round_to_bf16 of each lane.
VD_INLINE __m256 f32x8_round_to_bf16(__m256 x) {
    __m256i bits = _mm256_castps_si256(x);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i raised = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    __m256 rounded = _mm256_castsi256_ps(_mm256_and_si256(raised, _mm256_set1_epi32(~0xffff)));
    __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), rounded);
    __m256 kept = _mm256_cmp_ps(magnitude, _mm256_set1_ps(VD_BF16_MIN), _CMP_GE_OQ);
    return _mm256_blendv_ps(_mm256_and_ps(rounded, kept), x, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}
VD_INLINE f32x16 f32x16_round_to_bf16(f32x16 x) {
    return (f32x16){f32x8_round_to_bf16(x.lo), f32x8_round_to_bf16(x.hi)};
}

// Transposes an 8 x 8 matrix.
VD_INLINE void f32x8_transpose(__m256 m[8]) {
    __m256 pair[8], four[8];
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm256_unpacklo_ps(m[i], m[i + 1]);
        pair[i + 1] = _mm256_unpackhi_ps(m[i], m[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        four[i] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0x44);
        four[i + 1] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0xee);
        four[i + 2] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
        four[i + 3] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        m[i] = _mm256_permute2f128_ps(four[i], four[i + 4], 0x20);
        m[i + 4] = _mm256_permute2f128_ps(four[i], four[i + 4], 0x31);
    }
}

// Transposes a 16 x 16 matrix.
VD_INLINE void f32x16_transpose(f32x16 m[16]) {
    __m256 part[4][8];
    for (int i = 0; i < 16; i++) {
        part[i / 8 * 2][i % 8] = m[i].lo;
        part[i / 8 * 2 + 1][i % 8] = m[i].hi;
    }
    for (int i = 0; i < 4; i++) {
        f32x8_transpose(part[i]);
    }
    for (int i = 0; i < 16; i++) {
        m[i] = (f32x16){part[i / 8][i % 8], part[i / 8 + 2][i % 8]};
    }
}

// Returns the bits of |x|, which order as |x| does.
VD_INLINE i32x16 f32x16_abs_bits(f32x16 x) {
    __m256i all = _mm256_set1_epi32(0x7fffffff);
    return (i32x16){_mm256_and_si256(_mm256_castps_si256(x.lo), all),
                    _mm256_and_si256(_mm256_castps_si256(x.hi), all)};
}

// Stores 16 integers of -128 to 127 as bytes.
VD_INLINE void i32x16_store_bytes(int8_t *p, i32x16 x) {
    __m256i words =
        _mm256_permute4x64_epi64(_mm256_packs_epi32(x.lo, x.hi), _MM_SHUFFLE(3, 1, 2, 0));
    _mm_storeu_si128((__m128i *)p, _mm_packs_epi16(_mm256_castsi256_si128(words),
                                                   _mm256_extracti128_si256(words, 1)));
}

// 64 bytes: 16 rows x 4 adjacent weights, a unit of the packed layout.
typedef i32x16 i8x64;

VD_INLINE i8x64 i8x64_load(const void *p) {
    const __m256i *halves = p;
    return (i8x64){_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
}
VD_INLINE void i8x64_store(void *p, i8x64 w) {
    __m256i *halves = p;
    _mm256_storeu_si256(halves, w.lo);
    _mm256_storeu_si256(halves + 1, w.hi);
}
// Returns its argument, hidden from the optimizer.
VD_INLINE i8x64 i8x64_opaque(i8x64 w) {
    __asm__("" : "+x"(w.lo), "+x"(w.hi));
    return w;
}
VD_INLINE i8x64 i8x64_or(i8x64 a, i8x64 b) {
    return (i8x64){_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)};
}

// Moves bits [from, from + width) of each byte to [to, to + width), and clears the others.
VD_INLINE __m256i i8x32_bits(__m256i w, int from, int width, int to) {
    uint16x16 words = (uint16x16)w;
    words = from >= to ? words >> (uint16_t)(from - to) : words << (uint16_t)(to - from);
    return _mm256_and_si256((__m256i)words, _mm256_set1_epi8((char)(((1 << width) - 1) << to)));
}
VD_INLINE i8x64 i8x64_bits(i8x64 w, int from, int width, int to) {
    return (i8x64){i8x32_bits(w.lo, from, width, to), i8x32_bits(w.hi, from, width, to)};
}

// A table of 16 bytes; lookup returns for byte i the entry index[i] (0 to 15).
VD_INLINE i8x64 i8x64_table(const int8_t table[16]) {
    __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
    return (i8x64){both, both};
}
VD_INLINE i8x64 i8x64_lookup(i8x64 table, i8x64 index) {
    return (i8x64){_mm256_shuffle_epi8(table.lo, index.lo),
                   _mm256_shuffle_epi8(table.hi, index.hi)};
}

// Returns byte j of each lane, minus `bias`, as floats; raise adds 128 to bytes first, modulo 256.
// 2^23 + i has the bits of 2^23 and of i.
VD_INLINE __m256 f32x8_from_byte(__m256i bytes, int j, int raise, int32_t bias) {
    __m256i byte =
        _mm256_and_si256((__m256i)((uint32x8)bytes >> (uint32_t)(8 * j)), _mm256_set1_epi32(255));
    __m256i bits = _mm256_xor_si256(byte, _mm256_set1_epi32(raise ? 0x4b000080 : 0x4b000000));
    return _mm256_sub_ps(_mm256_castsi256_ps(bits), _mm256_set1_ps(0x1p23f + (float)bias));
}
VD_INLINE f32x16 f32x16_from_byte(i8x64 bytes, int j, int raise, int32_t bias) {
    return (f32x16){f32x8_from_byte(bytes.lo, j, raise, bias),
                    f32x8_from_byte(bytes.hi, j, raise, bias)};
}

// Tables of 16 floats would need two lookups.
enum { VD_FLOAT_LOOKUP = 0 };
VD_INLINE f32x16 f32x16_lookup(f32x16 table, i8x64 words, int from) {
    (void)words;
    (void)from;
    return table;
}

// Transposes, in each quarter, a 4 x 4 matrix of groups of four bytes with the rows u[0] to u[3]:
// four units of adjacent columns become rows, and quarter q of u[i] is row 4q + i.
VD_INLINE void i8x32_transpose_four(__m256i *u0, __m256i *u1, __m256i *u2, __m256i *u3) {
    __m256i low01 = _mm256_unpacklo_epi32(*u0, *u1), high01 = _mm256_unpackhi_epi32(*u0, *u1);
    __m256i low23 = _mm256_unpacklo_epi32(*u2, *u3), high23 = _mm256_unpackhi_epi32(*u2, *u3);
    *u0 = _mm256_unpacklo_epi64(low01, low23);
    *u1 = _mm256_unpackhi_epi64(low01, low23);
    *u2 = _mm256_unpacklo_epi64(high01, high23);
    *u3 = _mm256_unpackhi_epi64(high01, high23);
}
VD_INLINE void i8x64_transpose_four(i8x64 u[4]) {
    i8x32_transpose_four(&u[0].lo, &u[1].lo, &u[2].lo, &u[3].lo);
    i8x32_transpose_four(&u[0].hi, &u[1].hi, &u[2].hi, &u[3].hi);
}

VD_INLINE __m256i i8x32_splat_four(const int8_t *a) {
    int32_t four;
    memcpy(&four, a, sizeof four);
    return _mm256_set1_epi32(four);
}

#ifdef __AVXVNNI__
VD_INLINE i32x16 i8x64_dot_unsigned(i32x16 sum, i8x64 w, const int8_t *a) {
    __m256i four = i8x32_splat_four(a);
    return (i32x16){_mm256_dpbusd_avx_epi32(sum.lo, w.lo, four),
                    _mm256_dpbusd_avx_epi32(sum.hi, w.hi, four)};
}

// vpdpbusd multiplies unsigned by signed bytes, so VD_SIGNED_BIAS is added to signed weights, and
// the sum starts with minus that bias times the sum of the activations.
enum { VD_SIGNED_BIAS = 128 };

VD_INLINE i8x64 i8x64_signed(i8x64 w) {
    __m256i raise = _mm256_set1_epi8(-128);
    return (i8x64){_mm256_xor_si256(w.lo, raise), _mm256_xor_si256(w.hi, raise)};
}
VD_INLINE i32x16 i8x64_dot_signed(i32x16 sum, i8x64 w, const int8_t *a) {
    return i8x64_dot_unsigned(sum, w, a);
}

#include "simd/partial_sums_i32.h"
#else
// Partial sums of dot products have 16 bits, two for each row. They hold as many columns of 4
// weights of magnitudes up to max_weight as keep 2 * 127 * max_weight * columns below 32768; then
// neither the products (which vpmaddubsw would saturate) nor the sums overflow.
VD_INLINE int i8x64_partial_columns(int max_weight) { return 32767 / (2 * 127 * max_weight); }
VD_INLINE i32x16 i8x64_begin_partial(i32x16 sum) {
    (void)sum;
    return i32x16_zero();
}
VD_INLINE i32x16 i8x64_end_partial(i32x16 sum, i32x16 partial) {
    __m256i ones = _mm256_set1_epi16(1);
    return (i32x16){_mm256_add_epi32(sum.lo, _mm256_madd_epi16(partial.lo, ones)),
                    _mm256_add_epi32(sum.hi, _mm256_madd_epi16(partial.hi, ones))};
}

// Forces the addition. GCC defers additions until their sum is read, and lacks registers for the
// products of a whole partial sum.
VD_INLINE i32x16 i8x64_add_products(i32x16 partial, __m256i lo, __m256i hi) {
    i32x16 sum = {_mm256_add_epi16(partial.lo, lo), _mm256_add_epi16(partial.hi, hi)};
    __asm__("" : "+x"(sum.lo), "+x"(sum.hi));
    return sum;
}

// Adds to each row's sum the products of 4 unsigned weights with the 4 signed bytes of a.
VD_INLINE i32x16 i8x64_dot_unsigned(i32x16 partial, i8x64 w, const int8_t *a) {
    __m256i four = i8x32_splat_four(a);
    return i8x64_add_products(partial, _mm256_maddubs_epi16(w.lo, four),
                              _mm256_maddubs_epi16(w.hi, four));
}

// Signed weights: |w| * (a with the sign of w).
enum { VD_SIGNED_BIAS = 0 };

VD_INLINE i8x64 i8x64_signed(i8x64 w) { return w; }
VD_INLINE i32x16 i8x64_dot_signed(i32x16 partial, i8x64 w, const int8_t *a) {
    __m256i four = i8x32_splat_four(a);
    __m256i lo = _mm256_maddubs_epi16(_mm256_abs_epi8(w.lo), _mm256_sign_epi8(four, w.lo));
    __m256i hi = _mm256_maddubs_epi16(_mm256_abs_epi8(w.hi), _mm256_sign_epi8(four, w.hi));
    return i8x64_add_products(partial, lo, hi);
}
#endif

#endif

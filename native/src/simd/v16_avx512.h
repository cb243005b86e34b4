// The 16 virtual lanes of docs/numerics.md in one AVX-512 register, with integer dot products of
// AVX-512 VNNI. The kernels in *_v16.h use the types f32x16 (16 floats), i32x16 (16 int32) and
// i8x64 (64 int8); simd/v16_avx2.h and simd/lanes_neon.h define the same names.
#ifndef VD_SIMD_V16_AVX512_H
#define VD_SIMD_V16_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#include "core/arch.h"
#include "simd/transpose_avx512.h"
#include "types/half.h"

#define VD_NAME(stem) stem##_avx512_vnni

enum {
    VD_TILE_TOKENS = 8,  // quantized matmul: tokens and groups. Integer sums and operands fill
                         // the registers; float sums are in memory
    VD_TILE_GROUPS = 2,
    VD_FEW_TOKENS = 2,  // up to this number of tokens, one group: weights are read in order
    VD_FEW_GROUPS = 1,
    VD_FLOAT_TILE_TOKENS = 4,  // float matmul: tokens and rows of a tile
    VD_FLOAT_TILE_ROWS = 4,
    VD_FLOAT_PANEL_TOKENS = 4,  // and tokens; one register of each is added with those of 4 rows
    VD_ATTENTION_QUERIES = 6,   // attention: queries, and vectors of positions or elements
    VD_ATTENTION_VECTORS = 4,
    VD_WIDE_QUERIES = 13,     // minimum queries for converting keys and values only once
    VD_GRADIENT_QUERIES = 8,  // attention backward: queries, and tiles of positions
    VD_GRADIENT_TILES = 2,
    VD_GRADIENT_SUMS = 4,  // and queries; their sums over positions are computed together
    VD_PANEL_ROWS = 12,    // matmul backward: rows, and vectors of columns
    VD_PANEL_WIDTH = 2,
};

typedef __m512 f32x16;
typedef __m512i i32x16;
typedef uint16_t uint16x32 __attribute__((vector_size(64)));
typedef uint32_t uint32x16 __attribute__((vector_size(64)));

VD_INLINE __mmask16 f32x16_mask(int64_t n) { return (__mmask16)((1u << n) - 1); }

VD_INLINE f32x16 f32x16_zero(void) { return _mm512_setzero_ps(); }
VD_INLINE f32x16 f32x16_splat(float x) { return _mm512_set1_ps(x); }
VD_INLINE f32x16 f32x16_load(const float *p) { return _mm512_loadu_ps(p); }
VD_INLINE void f32x16_store(float *p, f32x16 x) { _mm512_storeu_ps(p, x); }

// Loads or stores the first n (0 to 15) lanes. Other lanes are zero, or are not stored.
VD_INLINE f32x16 f32x16_load_part(const float *p, int64_t n) {
    return _mm512_maskz_loadu_ps(f32x16_mask(n), p);
}
VD_INLINE void f32x16_store_part(float *p, f32x16 x, int64_t n) {
    _mm512_mask_storeu_ps(p, f32x16_mask(n), x);
}
VD_INLINE f32x16 f32x16_blend_first(f32x16 x, int64_t n, f32x16 others) {
    return _mm512_mask_mov_ps(others, f32x16_mask(n), x);
}

VD_INLINE f32x16 f32x16_load_halves(const void *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
VD_INLINE f32x16 f32x16_splat_half(uint16_t half) { return _mm512_set1_ps(_cvtsh_ss(half)); }
VD_INLINE f32x16 f32x16_load_halves_part(const void *p, int64_t n) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(f32x16_mask(n), p));
}

// Converts bfloat16 exactly.
VD_INLINE f32x16 f32x16_load_bfloats(const void *p) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
VD_INLINE f32x16 f32x16_load_bfloats_part(const void *p, int64_t n) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(f32x16_mask(n), p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

// Loads 16 signed bytes as floats.
VD_INLINE f32x16 f32x16_load_bytes(const int8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

VD_INLINE f32x16 f32x16_add(f32x16 a, f32x16 b) { return _mm512_add_ps(a, b); }
VD_INLINE f32x16 f32x16_sub(f32x16 a, f32x16 b) { return _mm512_sub_ps(a, b); }
VD_INLINE f32x16 f32x16_mul(f32x16 a, f32x16 b) { return _mm512_mul_ps(a, b); }
VD_INLINE f32x16 f32x16_div(f32x16 a, f32x16 b) { return _mm512_div_ps(a, b); }
VD_INLINE f32x16 f32x16_sqrt(f32x16 x) { return _mm512_sqrt_ps(x); }
VD_INLINE f32x16 f32x16_fma(f32x16 a, f32x16 b, f32x16 c) { return _mm512_fmadd_ps(a, b, c); }

// One register of an f32x16: all of it.
enum { VD_REGISTER_LANES = 16 };
typedef f32x16 f32reg;
VD_INLINE f32reg f32reg_load(const float *p) { return f32x16_load(p); }
VD_INLINE void f32reg_store(float *p, f32reg x) { f32x16_store(p, x); }
VD_INLINE f32reg f32reg_fma(f32reg a, f32reg b, f32reg c) { return f32x16_fma(a, b, c); }

VD_INLINE f32x16 f32x16_negate(f32x16 x) { return _mm512_xor_ps(x, _mm512_set1_ps(-0.0f)); }

// Returns x > y ? x : y, so that a NaN in x yields y, and a NaN in y remains.
VD_INLINE f32x16 f32x16_max(f32x16 x, f32x16 y) { return _mm512_max_ps(x, y); }
VD_INLINE f32x16 f32x16_min(f32x16 x, f32x16 y) { return _mm512_min_ps(x, y); }

// Adds the lanes in the fixed tree of a lane sum.
VD_INLINE float f32x16_reduce_add(f32x16 x) {
    __m256 a = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c))) + 0.0f;
}

// Stores the lane sums of 4 vectors. Each addition computes as many as it has lanes for.
VD_INLINE void f32x16_reduce_add_four(float *y, const f32x16 x[4]) {
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

// Returns a mask with bit i set if lane i of x is greater than that of y.
VD_INLINE uint32_t f32x16_greater_mask(f32x16 x, f32x16 y) {
    return _mm512_cmp_ps_mask(x, y, _CMP_GT_OQ);
}

VD_INLINE float f32x16_reduce_max(f32x16 x) { return _mm512_reduce_max_ps(x); }

VD_INLINE i32x16 i32x16_zero(void) { return _mm512_setzero_si512(); }
VD_INLINE i32x16 i32x16_splat(int32_t x) { return _mm512_set1_epi32(x); }
VD_INLINE i32x16 i32x16_load(const void *p) { return _mm512_loadu_si512(p); }
VD_INLINE i32x16 i32x16_load_bytes(const uint8_t *p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
}
VD_INLINE i32x16 i32x16_load_signed_bytes(const uint8_t *p) {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p));
}

// Returns (x >> from) & mask, and x << by; counts from 0 to 31.
VD_INLINE i32x16 i32x16_bits(i32x16 x, int from, int32_t mask) {
    return _mm512_and_si512((i32x16)((uint32x16)x >> (uint32_t)from), i32x16_splat(mask));
}
VD_INLINE i32x16 i32x16_shift_left(i32x16 x, int by) {
    return (i32x16)((uint32x16)x << (uint32_t)by);
}

VD_INLINE i32x16 i32x16_add(i32x16 a, i32x16 b) { return _mm512_add_epi32(a, b); }
VD_INLINE i32x16 i32x16_sub(i32x16 a, i32x16 b) { return _mm512_sub_epi32(a, b); }
VD_INLINE i32x16 i32x16_halve(i32x16 a) { return _mm512_srai_epi32(a, 1); }
VD_INLINE i32x16 i32x16_max(i32x16 a, i32x16 b) { return _mm512_max_epi32(a, b); }
VD_INLINE int32_t i32x16_reduce_max(i32x16 a) { return _mm512_reduce_max_epi32(a); }
VD_INLINE int32_t i32x16_reduce_add(i32x16 a) { return _mm512_reduce_add_epi32(a); }
VD_INLINE i32x16 f32x16_round(f32x16 x) { return _mm512_cvtps_epi32(x); }
VD_INLINE f32x16 f32x16_from_int(i32x16 x) { return _mm512_cvtepi32_ps(x); }

// Reinterprets bits as floats.
VD_INLINE f32x16 f32x16_from_bits(i32x16 x) { return _mm512_castsi512_ps(x); }

// Returns 2^n for -126 <= n <= 127.
VD_INLINE f32x16 f32x16_pow2(i32x16 n) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(n, i32x16_splat(127)), 23));
}

// Returns p * 2^n, rounded once, if p * 2^(n/2) is a normal float. Lanes with x <= least must have
// a result that rounds to +0, and are not computed: a denormal result takes Intel's processors some
// 100 cycles.
VD_INLINE f32x16 f32x16_ldexp_above(float least, f32x16 x, f32x16 p, i32x16 n) {
    __mmask16 above = _mm512_cmp_ps_mask(x, f32x16_splat(least), _CMP_NLE_UQ);
    return _mm512_maskz_scalef_ps(above, p, f32x16_from_int(n));
}

// Returns vd_round_to_bf16 of each lane.
VD_INLINE f32x16 f32x16_round_to_bf16(f32x16 x) {
    __m512i bits = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_epi32(_mm512_srli_epi32(bits, 16), i32x16_splat(1));
    __m512i raised = _mm512_add_epi32(_mm512_add_epi32(bits, i32x16_splat(0x7fff)), odd);
    __m512 rounded = _mm512_castsi512_ps(_mm512_and_epi32(raised, i32x16_splat(~0xffff)));
    __mmask16 kept =
        _mm512_cmp_ps_mask(_mm512_abs_ps(rounded), _mm512_set1_ps(VD_BF16_MIN), _CMP_GE_OQ);
    __mmask16 not_a_number = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_mask_mov_ps(_mm512_maskz_mov_ps(kept, rounded), not_a_number, x);
}

// Transposes a 16 x 16 matrix.
VD_INLINE void f32x16_transpose(f32x16 m[16]) { transpose_words((__m512i *)m); }

// Returns the bits of |x|, which order as |x| does.
VD_INLINE i32x16 f32x16_abs_bits(f32x16 x) {
    return _mm512_and_epi32(_mm512_castps_si512(x), i32x16_splat(0x7fffffff));
}

// Stores 16 integers of -128 to 127 as bytes.
VD_INLINE void i32x16_store_bytes(int8_t *p, i32x16 x) {
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(x));
}

// 64 bytes: 16 rows x 4 adjacent weights, a unit of the packed layout.
typedef __m512i i8x64;

VD_INLINE i8x64 i8x64_load(const void *p) { return _mm512_loadu_si512(p); }
VD_INLINE void i8x64_store(void *p, i8x64 w) { _mm512_storeu_si512(p, w); }
// Returns its argument, hidden from the optimizer.
VD_INLINE i8x64 i8x64_opaque(i8x64 w) {
    __asm__("" : "+v"(w));
    return w;
}
VD_INLINE i8x64 i8x64_or(i8x64 a, i8x64 b) { return _mm512_or_si512(a, b); }

// Moves bits [from, from + width) of each byte to [to, to + width), and clears the others.
VD_INLINE i8x64 i8x64_bits(i8x64 w, int from, int width, int to) {
    uint16x32 words = (uint16x32)w;
    words = from >= to ? words >> (uint16_t)(from - to) : words << (uint16_t)(to - from);
    return _mm512_and_si512((i8x64)words, _mm512_set1_epi8((char)(((1 << width) - 1) << to)));
}

// A table of 16 bytes; lookup returns for byte i the entry index[i] (0 to 15).
VD_INLINE i8x64 i8x64_table(const int8_t table[16]) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)table));
}
VD_INLINE i8x64 i8x64_lookup(i8x64 table, i8x64 index) { return _mm512_shuffle_epi8(table, index); }

// Transposes, in each quarter, a 4 x 4 matrix of groups of four bytes with the rows u[0] to u[3]:
// four units of adjacent columns become rows, and quarter q of u[i] is row 4q + i.
VD_INLINE void i8x64_transpose_four(i8x64 u[4]) {
    i8x64 low01 = _mm512_unpacklo_epi32(u[0], u[1]), high01 = _mm512_unpackhi_epi32(u[0], u[1]);
    i8x64 low23 = _mm512_unpacklo_epi32(u[2], u[3]), high23 = _mm512_unpackhi_epi32(u[2], u[3]);
    u[0] = _mm512_unpacklo_epi64(low01, low23);
    u[1] = _mm512_unpackhi_epi64(low01, low23);
    u[2] = _mm512_unpacklo_epi64(high01, high23);
    u[3] = _mm512_unpackhi_epi64(high01, high23);
}

// Returns byte j of each lane, minus `bias`, as floats; raise adds 128 to bytes first, modulo 256.
// 2^23 + i has the bits of 2^23 and of i.
VD_INLINE f32x16 f32x16_from_byte(i8x64 bytes, int j, int raise, int32_t bias) {
    __m512i moved = (i32x16)((uint32x16)bytes >> (uint32_t)(8 * j));
    __m512i bits = _mm512_ternarylogic_epi32(moved, i32x16_splat(255),
                                             i32x16_splat(raise ? 0x4b000080 : 0x4b000000), 0x6a);
    return _mm512_sub_ps(_mm512_castsi512_ps(bits), _mm512_set1_ps(0x1p23f + (float)bias));
}

// Returns for each lane the entry of the table at the index in the lane's 4 bits from `from` on.
enum { VD_FLOAT_LOOKUP = 1 };
VD_INLINE f32x16 f32x16_lookup(f32x16 table, i8x64 words, int from) {
    return _mm512_permutexvar_ps((i32x16)((uint32x16)words >> (uint32_t)from), table);
}

// Adds to each row's sum the products of 4 unsigned weights with the 4 signed bytes of a.
VD_INLINE i32x16 i8x64_dot_unsigned(i32x16 sum, i8x64 w, const int8_t *a) {
    int32_t four;
    __builtin_memcpy(&four, a, sizeof four);
    return _mm512_dpbusd_epi32(sum, w, i32x16_splat(four));
}

// VNNI multiplies unsigned by signed bytes, so VD_SIGNED_BIAS is added to signed weights, and the
// sum starts with minus that bias times the sum of the activations.
enum { VD_SIGNED_BIAS = 128 };

VD_INLINE i8x64 i8x64_signed(i8x64 w) { return _mm512_xor_si512(w, _mm512_set1_epi8(-128)); }
VD_INLINE i32x16 i8x64_dot_signed(i32x16 sum, i8x64 w, const int8_t *a) {
    return i8x64_dot_unsigned(sum, w, a);
}

#include "simd/partial_sums_i32.h"

#endif

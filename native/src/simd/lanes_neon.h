// The 16 virtual lanes of docs/numerics.md in four NEON registers, for the headers of instruction
// sets that contain NEON and add integer dot products. The kernels in *_v16.h use the types f32x16
// (16 floats), i32x16 (16 int32) and i8x64 (64 int8); simd/v16_avx2.h and simd/v16_avx512.h define
// the same names.
#ifndef VD_SIMD_LANES_NEON_H
#define VD_SIMD_LANES_NEON_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#include "core/arch.h"
#include "types/half.h"

typedef struct f32x16 {
    float32x4_t a, b, c, d;
} f32x16;

typedef struct i32x16 {
    int32x4_t a, b, c, d;
} i32x16;

// Sets all bits of the first n of 4 lanes; n may be outside [0, 4].
VD_INLINE uint32x4_t u32x4_mask(int64_t n) {
    static const int32_t lane[4] = {0, 1, 2, 3};
    return vcltq_s32(vld1q_s32(lane), vdupq_n_s32((int32_t)n));
}

VD_INLINE f32x16 f32x16_splat(float x) {
    float32x4_t all = vdupq_n_f32(x);
    return (f32x16){all, all, all, all};
}
VD_INLINE f32x16 f32x16_zero(void) { return f32x16_splat(0.0f); }
VD_INLINE f32x16 f32x16_load(const float *p) {
    return (f32x16){vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)};
}
VD_INLINE void f32x16_store(float *p, f32x16 x) {
    vst1q_f32(p, x.a);
    vst1q_f32(p + 4, x.b);
    vst1q_f32(p + 8, x.c);
    vst1q_f32(p + 12, x.d);
}

// Loads or stores the first n (0 to 15) lanes. Other lanes are zero, or are not stored.
VD_INLINE f32x16 f32x16_load_part(const float *p, int64_t n) {
    float lane[16] = {0};
    memcpy(lane, p, (size_t)n * sizeof lane[0]);
    return f32x16_load(lane);
}
VD_INLINE void f32x16_store_part(float *p, f32x16 x, int64_t n) {
    float lane[16];
    f32x16_store(lane, x);
    memcpy(p, lane, (size_t)n * sizeof lane[0]);
}
VD_INLINE f32x16 f32x16_blend_first(f32x16 x, int64_t n, f32x16 others) {
    return (f32x16){
        vbslq_f32(u32x4_mask(n), x.a, others.a), vbslq_f32(u32x4_mask(n - 4), x.b, others.b),
        vbslq_f32(u32x4_mask(n - 8), x.c, others.c), vbslq_f32(u32x4_mask(n - 12), x.d, others.d)};
}

VD_INLINE float32x4_t f32x4_load_halves(const uint16_t *p) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
VD_INLINE f32x16 f32x16_load_halves(const void *p) {
    const uint16_t *halves = p;
    return (f32x16){f32x4_load_halves(halves), f32x4_load_halves(halves + 4),
                    f32x4_load_halves(halves + 8), f32x4_load_halves(halves + 12)};
}
VD_INLINE f32x16 f32x16_splat_half(uint16_t half) {
    float32x4_t all = vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(half)));
    return (f32x16){all, all, all, all};
}
VD_INLINE f32x16 f32x16_load_halves_part(const void *p, int64_t n) {
    uint16_t halves[16] = {0};
    memcpy(halves, p, (size_t)n * sizeof halves[0]);
    return f32x16_load_halves(halves);
}

// Converts bfloat16 exactly.
VD_INLINE float32x4_t f32x4_load_bfloats(const uint16_t *p) {
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}
VD_INLINE f32x16 f32x16_load_bfloats(const void *p) {
    const uint16_t *bfloats = p;
    return (f32x16){f32x4_load_bfloats(bfloats), f32x4_load_bfloats(bfloats + 4),
                    f32x4_load_bfloats(bfloats + 8), f32x4_load_bfloats(bfloats + 12)};
}
VD_INLINE f32x16 f32x16_load_bfloats_part(const void *p, int64_t n) {
    uint16_t bfloats[16] = {0};
    memcpy(bfloats, p, (size_t)n * sizeof bfloats[0]);
    return f32x16_load_bfloats(bfloats);
}

VD_INLINE f32x16 f32x16_add(f32x16 x, f32x16 y) {
    return (f32x16){vaddq_f32(x.a, y.a), vaddq_f32(x.b, y.b), vaddq_f32(x.c, y.c),
                    vaddq_f32(x.d, y.d)};
}
VD_INLINE f32x16 f32x16_sub(f32x16 x, f32x16 y) {
    return (f32x16){vsubq_f32(x.a, y.a), vsubq_f32(x.b, y.b), vsubq_f32(x.c, y.c),
                    vsubq_f32(x.d, y.d)};
}
VD_INLINE f32x16 f32x16_mul(f32x16 x, f32x16 y) {
    return (f32x16){vmulq_f32(x.a, y.a), vmulq_f32(x.b, y.b), vmulq_f32(x.c, y.c),
                    vmulq_f32(x.d, y.d)};
}
VD_INLINE f32x16 f32x16_div(f32x16 x, f32x16 y) {
    return (f32x16){vdivq_f32(x.a, y.a), vdivq_f32(x.b, y.b), vdivq_f32(x.c, y.c),
                    vdivq_f32(x.d, y.d)};
}
VD_INLINE f32x16 f32x16_fma(f32x16 x, f32x16 y, f32x16 z) {
    return (f32x16){vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b), vfmaq_f32(z.c, x.c, y.c),
                    vfmaq_f32(z.d, x.d, y.d)};
}

// One register of an f32x16.
enum { VD_REGISTER_LANES = 4 };
typedef float32x4_t f32reg;
VD_INLINE f32reg f32reg_load(const float *p) { return vld1q_f32(p); }
VD_INLINE void f32reg_store(float *p, f32reg x) { vst1q_f32(p, x); }
VD_INLINE f32reg f32reg_fma(f32reg x, f32reg y, f32reg z) { return vfmaq_f32(z, x, y); }

VD_INLINE f32x16 f32x16_sqrt(f32x16 x) {
    return (f32x16){vsqrtq_f32(x.a), vsqrtq_f32(x.b), vsqrtq_f32(x.c), vsqrtq_f32(x.d)};
}

VD_INLINE f32x16 f32x16_negate(f32x16 x) {
    return (f32x16){vnegq_f32(x.a), vnegq_f32(x.b), vnegq_f32(x.c), vnegq_f32(x.d)};
}

// Returns x > y ? x : y, so that a NaN in x yields y, and a NaN in y remains. fmax would differ.
VD_INLINE float32x4_t f32x4_max(float32x4_t x, float32x4_t y) {
    return vbslq_f32(vcgtq_f32(x, y), x, y);
}
VD_INLINE float32x4_t f32x4_min(float32x4_t x, float32x4_t y) {
    return vbslq_f32(vcltq_f32(x, y), x, y);
}
VD_INLINE f32x16 f32x16_max(f32x16 x, f32x16 y) {
    return (f32x16){f32x4_max(x.a, y.a), f32x4_max(x.b, y.b), f32x4_max(x.c, y.c),
                    f32x4_max(x.d, y.d)};
}
VD_INLINE f32x16 f32x16_min(f32x16 x, f32x16 y) {
    return (f32x16){f32x4_min(x.a, y.a), f32x4_min(x.b, y.b), f32x4_min(x.c, y.c),
                    f32x4_min(x.d, y.d)};
}

// Adds the lanes in the fixed tree of a lane sum.
VD_INLINE float32x2_t f32x16_reduce_add_to_two(f32x16 x) {
    float32x4_t four = vaddq_f32(vaddq_f32(x.a, x.c), vaddq_f32(x.b, x.d));
    return vadd_f32(vget_low_f32(four), vget_high_f32(four));
}
VD_INLINE float f32x16_reduce_add(f32x16 x) {
    return vpadds_f32(f32x16_reduce_add_to_two(x)) + 0.0f;
}

// Stores the lane sums of 4 vectors.
VD_INLINE void f32x16_reduce_add_four(float *y, const f32x16 x[4]) {
    float32x4_t a = vcombine_f32(f32x16_reduce_add_to_two(x[0]), f32x16_reduce_add_to_two(x[1]));
    float32x4_t b = vcombine_f32(f32x16_reduce_add_to_two(x[2]), f32x16_reduce_add_to_two(x[3]));
    vst1q_f32(y, vaddq_f32(vpaddq_f32(a, b), vdupq_n_f32(0.0f)));
}

// Returns a mask with bit i set if lane i of x is greater than that of y.
VD_INLINE uint32_t f32x4_greater_mask(float32x4_t x, float32x4_t y) {
    static const uint32_t bit[4] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vcgtq_f32(x, y), vld1q_u32(bit)));
}
VD_INLINE uint32_t f32x16_greater_mask(f32x16 x, f32x16 y) {
    return f32x4_greater_mask(x.a, y.a) | f32x4_greater_mask(x.b, y.b) << 4 |
           f32x4_greater_mask(x.c, y.c) << 8 | f32x4_greater_mask(x.d, y.d) << 12;
}

VD_INLINE float f32x16_reduce_max(f32x16 x) {
    return vmaxvq_f32(vmaxq_f32(vmaxq_f32(x.a, x.b), vmaxq_f32(x.c, x.d)));
}

VD_INLINE i32x16 i32x16_splat(int32_t x) {
    int32x4_t all = vdupq_n_s32(x);
    return (i32x16){all, all, all, all};
}
VD_INLINE i32x16 i32x16_zero(void) { return i32x16_splat(0); }
VD_INLINE i32x16 i32x16_load(const void *p) {
    const uint8_t *bytes = p;
    return (i32x16){
        vreinterpretq_s32_u8(vld1q_u8(bytes)), vreinterpretq_s32_u8(vld1q_u8(bytes + 16)),
        vreinterpretq_s32_u8(vld1q_u8(bytes + 32)), vreinterpretq_s32_u8(vld1q_u8(bytes + 48))};
}
VD_INLINE i32x16 i32x16_load_signed_bytes(const uint8_t *p) {
    int8x16_t bytes = vreinterpretq_s8_u8(vld1q_u8(p));
    int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
    return (i32x16){vmovl_s16(vget_low_s16(low)), vmovl_high_s16(low),
                    vmovl_s16(vget_low_s16(high)), vmovl_high_s16(high)};
}

// Returns (x >> from) & mask, and x << by; counts from 0 to 31.
VD_INLINE int32x4_t i32x4_bits(int32x4_t x, int from, int32_t mask) {
    uint32x4_t moved = vshlq_u32(vreinterpretq_u32_s32(x), vdupq_n_s32(-from));
    return vandq_s32(vreinterpretq_s32_u32(moved), vdupq_n_s32(mask));
}
VD_INLINE i32x16 i32x16_bits(i32x16 x, int from, int32_t mask) {
    return (i32x16){i32x4_bits(x.a, from, mask), i32x4_bits(x.b, from, mask),
                    i32x4_bits(x.c, from, mask), i32x4_bits(x.d, from, mask)};
}
VD_INLINE i32x16 i32x16_shift_left(i32x16 x, int by) {
    int32x4_t count = vdupq_n_s32(by);
    return (i32x16){vshlq_s32(x.a, count), vshlq_s32(x.b, count), vshlq_s32(x.c, count),
                    vshlq_s32(x.d, count)};
}
VD_INLINE i32x16 i32x16_load_bytes(const uint8_t *p) {
    return i32x16_bits(i32x16_load_signed_bytes(p), 0, 255);
}
VD_INLINE i32x16 i32x16_add(i32x16 x, i32x16 y) {
    return (i32x16){vaddq_s32(x.a, y.a), vaddq_s32(x.b, y.b), vaddq_s32(x.c, y.c),
                    vaddq_s32(x.d, y.d)};
}
VD_INLINE i32x16 i32x16_sub(i32x16 x, i32x16 y) {
    return (i32x16){vsubq_s32(x.a, y.a), vsubq_s32(x.b, y.b), vsubq_s32(x.c, y.c),
                    vsubq_s32(x.d, y.d)};
}
VD_INLINE i32x16 i32x16_halve(i32x16 x) {
    return (i32x16){vshrq_n_s32(x.a, 1), vshrq_n_s32(x.b, 1), vshrq_n_s32(x.c, 1),
                    vshrq_n_s32(x.d, 1)};
}
VD_INLINE i32x16 i32x16_max(i32x16 x, i32x16 y) {
    return (i32x16){vmaxq_s32(x.a, y.a), vmaxq_s32(x.b, y.b), vmaxq_s32(x.c, y.c),
                    vmaxq_s32(x.d, y.d)};
}
VD_INLINE int32_t i32x16_reduce_max(i32x16 x) {
    return vmaxvq_s32(vmaxq_s32(vmaxq_s32(x.a, x.b), vmaxq_s32(x.c, x.d)));
}
VD_INLINE int32_t i32x16_reduce_add(i32x16 x) {
    return vaddvq_s32(vaddq_s32(vaddq_s32(x.a, x.b), vaddq_s32(x.c, x.d)));
}
VD_INLINE i32x16 f32x16_round(f32x16 x) {
    return (i32x16){vcvtnq_s32_f32(x.a), vcvtnq_s32_f32(x.b), vcvtnq_s32_f32(x.c),
                    vcvtnq_s32_f32(x.d)};
}
VD_INLINE f32x16 f32x16_from_int(i32x16 x) {
    return (f32x16){vcvtq_f32_s32(x.a), vcvtq_f32_s32(x.b), vcvtq_f32_s32(x.c), vcvtq_f32_s32(x.d)};
}

// Reinterprets bits as floats.
VD_INLINE f32x16 f32x16_from_bits(i32x16 x) {
    return (f32x16){vreinterpretq_f32_s32(x.a), vreinterpretq_f32_s32(x.b),
                    vreinterpretq_f32_s32(x.c), vreinterpretq_f32_s32(x.d)};
}

// Loads 16 signed bytes as floats.
VD_INLINE f32x16 f32x16_load_bytes(const int8_t *p) {
    return f32x16_from_int(i32x16_load_signed_bytes((const uint8_t *)p));
}

// Returns 2^n for -126 <= n <= 127.
VD_INLINE f32x16 f32x16_pow2(i32x16 n) {
    i32x16 biased = i32x16_add(n, i32x16_splat(127));
    return (f32x16){vreinterpretq_f32_s32(vshlq_n_s32(biased.a, 23)),
                    vreinterpretq_f32_s32(vshlq_n_s32(biased.b, 23)),
                    vreinterpretq_f32_s32(vshlq_n_s32(biased.c, 23)),
                    vreinterpretq_f32_s32(vshlq_n_s32(biased.d, 23))};
}

// Returns p * 2^n, rounded once, if p * 2^(n/2) is a normal float. Lanes with x <= least must have
// a result that rounds to +0. They are computed too, since denormal results are fast on Arm.
VD_INLINE f32x16 f32x16_ldexp_above(float least, f32x16 x, f32x16 p, i32x16 n) {
    (void)least;
    (void)x;
    i32x16 half = i32x16_halve(n);
    return f32x16_mul(f32x16_mul(p, f32x16_pow2(half)), f32x16_pow2(i32x16_sub(n, half)));
}

// Returns vd_round_to_bf16 of each lane.
VD_INLINE float32x4_t f32x4_round_to_bf16(float32x4_t x) {
    uint32x4_t bits = vreinterpretq_u32_f32(x);
    uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    uint32x4_t raised = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
    uint32x4_t rounded = vandq_u32(raised, vdupq_n_u32(0xffff0000));
    uint32x4_t kept =
        vcgeq_f32(vabsq_f32(vreinterpretq_f32_u32(rounded)), vdupq_n_f32(VD_BF16_MIN));
    return vbslq_f32(vceqq_f32(x, x), vreinterpretq_f32_u32(vandq_u32(rounded, kept)), x);
}
VD_INLINE f32x16 f32x16_round_to_bf16(f32x16 x) {
    return (f32x16){f32x4_round_to_bf16(x.a), f32x4_round_to_bf16(x.b), f32x4_round_to_bf16(x.c),
                    f32x4_round_to_bf16(x.d)};
}

// Transposes a 4 x 4 matrix.
VD_INLINE void f32x4_transpose(float32x4_t m[4]) {
    float32x4_t even01 = vtrn1q_f32(m[0], m[1]), odd01 = vtrn2q_f32(m[0], m[1]);
    float32x4_t even23 = vtrn1q_f32(m[2], m[3]), odd23 = vtrn2q_f32(m[2], m[3]);
    m[0] = vcombine_f32(vget_low_f32(even01), vget_low_f32(even23));
    m[1] = vcombine_f32(vget_low_f32(odd01), vget_low_f32(odd23));
    m[2] = vcombine_f32(vget_high_f32(even01), vget_high_f32(even23));
    m[3] = vcombine_f32(vget_high_f32(odd01), vget_high_f32(odd23));
}

// Transposes a 16 x 16 matrix.
VD_INLINE void f32x16_transpose(f32x16 m[16]) {
    float32x4_t part[4][4][4];  // [rows / 4][columns / 4][row]
    for (int i = 0; i < 16; i++) {
        part[i / 4][0][i % 4] = m[i].a;
        part[i / 4][1][i % 4] = m[i].b;
        part[i / 4][2][i % 4] = m[i].c;
        part[i / 4][3][i % 4] = m[i].d;
    }
    for (int i = 0; i < 16; i++) {
        f32x4_transpose(part[i / 4][i % 4]);
    }
    for (int i = 0; i < 16; i++) {
        m[i] = (f32x16){part[0][i / 4][i % 4], part[1][i / 4][i % 4], part[2][i / 4][i % 4],
                        part[3][i / 4][i % 4]};
    }
}

// Returns the bits of |x|, which order as |x| does.
VD_INLINE i32x16 f32x16_abs_bits(f32x16 x) {
    return (i32x16){vreinterpretq_s32_f32(vabsq_f32(x.a)), vreinterpretq_s32_f32(vabsq_f32(x.b)),
                    vreinterpretq_s32_f32(vabsq_f32(x.c)), vreinterpretq_s32_f32(vabsq_f32(x.d))};
}

// Stores 16 integers of -128 to 127 as bytes.
VD_INLINE void i32x16_store_bytes(int8_t *p, i32x16 x) {
    int16x8_t low = vmovn_high_s32(vmovn_s32(x.a), x.b);
    int16x8_t high = vmovn_high_s32(vmovn_s32(x.c), x.d);
    vst1q_s8(p, vmovn_high_s16(vmovn_s16(low), high));
}

// 64 bytes: 16 rows x 4 adjacent weights, a unit of the packed layout.
typedef struct i8x64 {
    int8x16_t a, b, c, d;
} i8x64;

VD_INLINE i8x64 i8x64_load(const void *p) {
    const int8_t *bytes = p;
    return (i8x64){vld1q_s8(bytes), vld1q_s8(bytes + 16), vld1q_s8(bytes + 32),
                   vld1q_s8(bytes + 48)};
}
VD_INLINE void i8x64_store(void *p, i8x64 w) {
    int8_t *bytes = p;
    vst1q_s8(bytes, w.a);
    vst1q_s8(bytes + 16, w.b);
    vst1q_s8(bytes + 32, w.c);
    vst1q_s8(bytes + 48, w.d);
}
// Returns its argument, hidden from the optimizer.
VD_INLINE i8x64 i8x64_opaque(i8x64 w) {
    __asm__("" : "+w"(w.a), "+w"(w.b), "+w"(w.c), "+w"(w.d));
    return w;
}
VD_INLINE i8x64 i8x64_or(i8x64 x, i8x64 y) {
    return (i8x64){vorrq_s8(x.a, y.a), vorrq_s8(x.b, y.b), vorrq_s8(x.c, y.c), vorrq_s8(x.d, y.d)};
}

// Moves bits [from, from + width) of each byte to [to, to + width), and clears the others.
VD_INLINE int8x16_t i8x16_bits(int8x16_t w, int from, int width, int to) {
    uint8x16_t moved = vshlq_u8(vreinterpretq_u8_s8(w), vdupq_n_s8((int8_t)(to - from)));
    return vreinterpretq_s8_u8(vandq_u8(moved, vdupq_n_u8((uint8_t)(((1 << width) - 1) << to))));
}
VD_INLINE i8x64 i8x64_bits(i8x64 w, int from, int width, int to) {
    return (i8x64){i8x16_bits(w.a, from, width, to), i8x16_bits(w.b, from, width, to),
                   i8x16_bits(w.c, from, width, to), i8x16_bits(w.d, from, width, to)};
}

// A table of 16 bytes; lookup returns for byte i the entry index[i] (0 to 15).
VD_INLINE i8x64 i8x64_table(const int8_t table[16]) {
    int8x16_t all = vld1q_s8(table);
    return (i8x64){all, all, all, all};
}
VD_INLINE i8x64 i8x64_lookup(i8x64 table, i8x64 index) {
    return (i8x64){vqtbl1q_s8(table.a, vreinterpretq_u8_s8(index.a)),
                   vqtbl1q_s8(table.b, vreinterpretq_u8_s8(index.b)),
                   vqtbl1q_s8(table.c, vreinterpretq_u8_s8(index.c)),
                   vqtbl1q_s8(table.d, vreinterpretq_u8_s8(index.d))};
}

// Returns byte j of each lane, minus `bias`, as floats; raise adds 128 to bytes first, modulo 256.
// 2^23 + i has the bits of 2^23 and of i.
VD_INLINE float32x4_t f32x4_from_byte(int8x16_t bytes, int j, int raise, int32_t bias) {
    uint32x4_t byte =
        vandq_u32(vshlq_u32(vreinterpretq_u32_s8(bytes), vdupq_n_s32(-8 * j)), vdupq_n_u32(255));
    uint32x4_t bits = veorq_u32(byte, vdupq_n_u32(raise ? 0x4b000080 : 0x4b000000));
    return vsubq_f32(vreinterpretq_f32_u32(bits), vdupq_n_f32(0x1p23f + (float)bias));
}
VD_INLINE f32x16 f32x16_from_byte(i8x64 bytes, int j, int raise, int32_t bias) {
    return (f32x16){
        f32x4_from_byte(bytes.a, j, raise, bias), f32x4_from_byte(bytes.b, j, raise, bias),
        f32x4_from_byte(bytes.c, j, raise, bias), f32x4_from_byte(bytes.d, j, raise, bias)};
}

// Tables of 16 floats would need four lookups.
enum { VD_FLOAT_LOOKUP = 0 };
VD_INLINE f32x16 f32x16_lookup(f32x16 table, i8x64 words, int from) {
    (void)words;
    (void)from;
    return table;
}

// Transposes, in each quarter, a 4 x 4 matrix of groups of four bytes with the rows u[0] to u[3]:
// four units of adjacent columns become rows, and quarter q of u[i] is row 4q + i.
VD_INLINE void i8x16_transpose_four(int8x16_t *u0, int8x16_t *u1, int8x16_t *u2, int8x16_t *u3) {
    int32x4_t a = vreinterpretq_s32_s8(*u0), b = vreinterpretq_s32_s8(*u1);
    int32x4_t c = vreinterpretq_s32_s8(*u2), d = vreinterpretq_s32_s8(*u3);
    int64x2_t even01 = vreinterpretq_s64_s32(vtrn1q_s32(a, b));
    int64x2_t odd01 = vreinterpretq_s64_s32(vtrn2q_s32(a, b));
    int64x2_t even23 = vreinterpretq_s64_s32(vtrn1q_s32(c, d));
    int64x2_t odd23 = vreinterpretq_s64_s32(vtrn2q_s32(c, d));
    *u0 = vreinterpretq_s8_s64(vtrn1q_s64(even01, even23));
    *u1 = vreinterpretq_s8_s64(vtrn1q_s64(odd01, odd23));
    *u2 = vreinterpretq_s8_s64(vtrn2q_s64(even01, even23));
    *u3 = vreinterpretq_s8_s64(vtrn2q_s64(odd01, odd23));
}
VD_INLINE void i8x64_transpose_four(i8x64 u[4]) {
    i8x16_transpose_four(&u[0].a, &u[1].a, &u[2].a, &u[3].a);
    i8x16_transpose_four(&u[0].b, &u[1].b, &u[2].b, &u[3].b);
    i8x16_transpose_four(&u[0].c, &u[1].c, &u[2].c, &u[3].c);
    i8x16_transpose_four(&u[0].d, &u[1].d, &u[2].d, &u[3].d);
}

VD_INLINE int8x16_t i8x16_splat_four(const int8_t *a) {
    int32_t four;
    memcpy(&four, a, sizeof four);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

// The dot products below multiply signed bytes, and unsigned weights do not exceed 127, so that
// signed and unsigned weights are treated alike without an offset.
enum { VD_SIGNED_BIAS = 0 };

VD_INLINE i8x64 i8x64_signed(i8x64 w) { return w; }

#endif

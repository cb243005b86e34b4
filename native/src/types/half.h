// Conversions between float, half precision (IEEE binary16) and bfloat16.
#ifndef VD_TYPES_HALF_H
#define VD_TYPES_HALF_H

#include <stdint.h>
#include <string.h>

#include "core/arch.h"

// The smallest magnitude of an operand of products in bf16 other than 0.
#define VD_BF16_MIN 0x1p-50f

VD_INLINE float vd_bits_to_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

VD_INLINE uint32_t vd_float_to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// Converts exactly. The multiplication by which a denormal half m * 2^-24 is made does not round.
VD_INLINE float vd_half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 0x1f;
    uint32_t mantissa = half & 0x3ff;
    if (exponent == 0) {
        float magnitude = (float)mantissa * 0x1p-24f;
        return vd_bits_to_float(sign | vd_float_to_bits(magnitude));
    }
    uint32_t biased = exponent == 31 ? 255 : exponent + 127 - 15;
    return vd_bits_to_float(sign | biased << 23 | mantissa << 13);
}

// Rounds to the nearest half, ties to even. Below 2^-14 halves are multiples of 2^-24, as floats
// near 1/2 are, so adding 1/2 rounds to them.
VD_INLINE uint16_t vd_float_to_half(float value) {
    uint32_t bits = vd_float_to_bits(value);
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t magnitude = bits & 0x7fffffff;
    uint32_t half = (magnitude + 0xfff + (magnitude >> 13 & 1) - (112u << 23)) >> 13;
    uint32_t small = vd_float_to_bits(vd_bits_to_float(magnitude) + 0.5f) - vd_float_to_bits(0.5f);
    half = magnitude < 113u << 23 ? small : half;
    half = magnitude >= 143u << 23 ? 0x7c00 : half;
    half = magnitude > 255u << 23 ? 0x7e00 : half;
    return (uint16_t)(sign | half);
}

// Rounds to the nearest bfloat16, ties to even.
VD_INLINE uint16_t vd_float_to_bfloat(float value) {
    uint32_t bits = vd_float_to_bits(value);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (uint16_t)((bits & 0x7fffffff) > 255u << 23 ? bits >> 16 | 0x40 : rounded);
}

VD_INLINE float vd_bfloat_to_float(uint16_t value) {
    return vd_bits_to_float((uint32_t)value << 16);
}

// Rounds an operand of a product in bf16 to the nearest bfloat16, ties to even, and to 0 below
// 2^-50, so that the product's sums have no denormals (docs/numerics.md).
VD_INLINE float vd_round_to_bf16(float value) {
    float rounded = vd_bits_to_float((uint32_t)vd_float_to_bfloat(value) << 16);
    return rounded > -VD_BF16_MIN && rounded < VD_BF16_MIN ? 0.0f : rounded;
}

// Loads from any alignment.
VD_INLINE float vd_load_float(const void *p) {
    float value;
    memcpy(&value, p, sizeof value);
    return value;
}

VD_INLINE float vd_load_bfloat(const void *p) {
    uint16_t upper;
    memcpy(&upper, p, sizeof upper);
    return vd_bits_to_float((uint32_t)upper << 16);
}

VD_INLINE float vd_load_half(const void *p) {
    uint16_t half;
    memcpy(&half, p, sizeof half);
    return vd_half_to_float(half);
}

#endif

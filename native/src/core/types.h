// Half precision, and how the elements of each weight type lie in memory.
#ifndef VD_CORE_TYPES_H
#define VD_CORE_TYPES_H

#include <stdint.h>
#include <string.h>

#include "core/arch.h"
#include "vidrio.h"

enum {
    VD_BLOCK = 32,     // elements that share a scale, of weights and activations
    VD_PACK_ROWS = 16  // rows of a packed group
};

// A quantized type's block: `halves` factors of 2 bytes, then `quants` bytes.
typedef struct vd_block_layout {
    int32_t halves;
    int32_t quants;
} vd_block_layout;

// {0, 0} for types without blocks.
VD_INLINE vd_block_layout vd_block_layout_of(int32_t type) {
    switch (type) {
        case VD_Q4_0:
            return (vd_block_layout){1, 16};
        case VD_Q4_1:
            return (vd_block_layout){2, 16};
        case VD_Q8_0:
            return (vd_block_layout){1, 32};
        default:
            return (vd_block_layout){0, 0};
    }
}

// Bytes of K elements in rows, 0 when they do not fill whole blocks or the type is unknown.
VD_INLINE int64_t vd_row_bytes(int32_t type, int64_t K) {
    vd_block_layout block = vd_block_layout_of(type);
    if (block.quants > 0) {
        return K % VD_BLOCK == 0 ? K / VD_BLOCK * (2 * block.halves + block.quants) : 0;
    }
    return type == VD_F32 ? 4 * K : type == VD_F16 ? 2 * K : 0;
}

// Bytes from the start of a packed group to its factors.
VD_INLINE int64_t vd_packed_factors(int32_t type, int64_t K) {
    return K / VD_BLOCK * VD_PACK_ROWS * vd_block_layout_of(type).quants;
}

// Bytes from one packed group to the next.
VD_INLINE int64_t vd_packed_group_bytes(int32_t type, int64_t K) {
    return (VD_PACK_ROWS * vd_row_bytes(type, K) + 63) / 64 * 64;
}

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

// Exact. A denormal half m * 2^-24 is made by the multiplication, which does not round.
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

// Weights may have any alignment.
VD_INLINE float vd_load_float(const void *p) {
    float value;
    memcpy(&value, p, sizeof value);
    return value;
}

VD_INLINE float vd_load_half(const void *p) {
    uint16_t half;
    memcpy(&half, p, sizeof half);
    return vd_half_to_float(half);
}

#endif

// The vector instructions that the emulator executes, on operands of `bytes` bytes (16, 32 or 64).
// Instructions on BF16 expect that MXCSR treats denormal operands as zero and flushes denormal
// results.
#ifndef VD_TEST_VECTORS_H
#define VD_TEST_VECTORS_H

#include <stdint.h>
#include <string.h>

enum { VECTOR_BYTES_MAX = 64 };

static inline float bf16_at(const uint8_t *p) {
    uint16_t half;
    memcpy(&half, p, 2);
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

// vpdpbusd: adds to each int32 of y the products of four unsigned bytes of a with signed ones of b.
void vector_dot_bytes(uint8_t *y, const uint8_t *a, const uint8_t *b, int bytes);

// vdpbf16ps: adds to each float of y the products of two bf16 of a and b, the odd one first, by
// fma.
void vector_dot_bf16(uint8_t *y, const uint8_t *a, const uint8_t *b, int bytes);

// vcvtne2ps2bf16: rounds the floats of b to the lower half of y and those of a to the upper half.
void vector_round_to_bf16(uint8_t *y, const uint8_t *a, const uint8_t *b, int bytes);

#endif

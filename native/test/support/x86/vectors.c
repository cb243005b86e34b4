#include "support/x86/vectors.h"

void vector_dot_bytes(uint8_t *y, const uint8_t *a, const uint8_t *b, int bytes) {
    for (int lane = 0; lane < bytes; lane += 4) {
        uint32_t sum;
        memcpy(&sum, y + lane, 4);
        for (int k = lane; k < lane + 4; k++) {
            sum += (uint32_t)(a[k] * (int8_t)b[k]);
        }
        memcpy(y + lane, &sum, 4);
    }
}

void vector_dot_bf16(uint8_t *y, const uint8_t *a, const uint8_t *b, int bytes) {
    for (int lane = 0; lane < bytes; lane += 4) {
        float sum;
        memcpy(&sum, y + lane, 4);
        sum = __builtin_fmaf(bf16_at(a + lane + 2), bf16_at(b + lane + 2), sum);
        sum = __builtin_fmaf(bf16_at(a + lane), bf16_at(b + lane), sum);
        memcpy(y + lane, &sum, 4);
    }
}

// Rounds the bits of a float to the nearest bf16, ties to even. Denormals become zeros, and NaNs
// quiet.
static uint16_t round_to_bf16(uint32_t bits) {
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude < 0x00800000) {
        return bits >> 16 & 0x8000;
    }
    if (magnitude > 0x7f800000) {
        return (uint16_t)(bits >> 16 | 0x40);
    }
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

void vector_round_to_bf16(uint8_t *y, const uint8_t *a, const uint8_t *b, int bytes) {
    for (int i = 0; i < bytes / 2; i++) {
        uint32_t bits;
        memcpy(&bits, i < bytes / 4 ? b + 4 * i : a + 4 * i - bytes, 4);
        uint16_t rounded = round_to_bf16(bits);
        memcpy(y + 2 * i, &rounded, 2);
    }
}

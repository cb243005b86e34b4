#include "support/weights.h"

#include <math.h>
#include <string.h>

#include "support/check.h"

double half_value(uint16_t half) {
    double sign = half & 0x8000 ? -1 : 1;
    int exponent = half >> 10 & 31;
    int mantissa = half & 1023;
    if (exponent == 31) {
        return mantissa != 0 ? (double)NAN : sign * (double)INFINITY;
    }
    return sign * (exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25));
}

uint16_t half_near(double magnitude) { return (uint16_t)((ilogb(magnitude) + 15) << 10); }

const char *type_name(vd_type type) {
    static const char *const names[] = {
        [VD_F32] = "f32",       [VD_F16] = "f16",   [VD_Q4_0] = "q4_0",   [VD_Q4_1] = "q4_1",
        [VD_Q5_0] = "q5_0",     [VD_Q5_1] = "q5_1", [VD_Q8_0] = "q8_0",   [VD_Q2_K] = "q2_k",
        [VD_Q3_K] = "q3_k",     [VD_Q4_K] = "q4_k", [VD_Q5_K] = "q5_k",   [VD_Q6_K] = "q6_k",
        [VD_IQ4_NL] = "iq4_nl", [VD_BF16] = "bf16", [VD_MXFP4] = "mxfp4",
    };
    return names[type];
}

int is_quantized(vd_type type) { return type == VD_Q4_0 || type == VD_Q4_1 || type == VD_Q8_0; }

static int64_t block_bytes(vd_type type) {
    return type == VD_Q8_0 ? 34 : type == VD_Q4_0 ? 18 : 20;
}

int64_t weights_row_bytes(vd_type type, int64_t K) {
    return type == VD_F32 ? 4 * K : type == VD_F16 ? 2 * K : K / 32 * block_bytes(type);
}

static uint16_t random_half(rng *r, weight_bits bits) {
    uint16_t any = (uint16_t)rng_next(r);
    if (bits == WEIGHTS_ANY_BITS && rng_below(r, 64) == 0) {
        return any | 0x7c00;
    }
    if (bits >= WEIGHTS_ANY_HALF) {
        return rng_below(r, 16) == 0 ? any & 0x83ff : (any & 0x7c00) == 0x7c00 ? any ^ 0x4000 : any;
    }
    return (any & 0x83ff) | (uint16_t)(rng_between(r, 7, 11) << 10);  // 2^-8 to 2^-3
}

static void random_block(rng *r, vd_type type, weight_bits bits, uint8_t *block) {
    int halves = type == VD_Q4_1 ? 2 : 1;
    for (int h = 0; h < halves; h++) {
        uint16_t half = random_half(r, bits);
        memcpy(block + 2 * h, &half, sizeof half);
    }
    for (int64_t i = 2 * halves; i < block_bytes(type); i++) {
        uint64_t any = rng_next(r);
        if (bits == WEIGHTS_EXTREME) {
            block[i] = type == VD_Q8_0 ? (any & 1 ? 0x80 : 0x7f)
                                       : (uint8_t)((any & 1 ? 0 : 15) | (any & 2 ? 0 : 240));
        } else {
            block[i] = (uint8_t)any;
        }
    }
}

void random_weights(rng *r, vd_type type, weight_bits bits, int64_t N, int64_t K, void *rows) {
    if (type == VD_F32) {
        static const floats kinds[] = {ORDINARY, WIDE, MIXED, NASTY};
        rng_fill(r, kinds[bits], rows, N * K);
    } else if (type == VD_F16) {
        for (int64_t i = 0; i < N * K; i++) {
            ((uint16_t *)rows)[i] = random_half(r, bits);
        }
    } else {
        for (int64_t i = 0; i < N * (K / 32); i++) {
            random_block(r, type, bits, (uint8_t *)rows + i * block_bytes(type));
        }
    }
}

static const uint8_t *block_of(vd_type type, const void *row, int64_t k) {
    return (const uint8_t *)row + k / 32 * block_bytes(type);
}

static double half_at(const uint8_t *p) { return half_value((uint16_t)(p[0] | p[1] << 8)); }

double weight_scale(vd_type type, const void *row, int64_t k) {
    return half_at(block_of(type, row, k));
}

double weight_minimum(vd_type type, const void *row, int64_t k) {
    return type == VD_Q4_1 ? half_at(block_of(type, row, k) + 2) : 0;
}

int32_t weight_quant(vd_type type, const void *row, int64_t k) {
    const uint8_t *block = block_of(type, row, k);
    int i = (int)(k % 32);
    if (type == VD_Q8_0) {
        return (int8_t)block[2 + i];
    }
    uint8_t pair = block[(type == VD_Q4_1 ? 4 : 2) + i % 16];
    int32_t nibble = i < 16 ? pair & 15 : pair >> 4;
    return type == VD_Q4_0 ? nibble - 8 : nibble;
}

double weight_value(vd_type type, const void *row, int64_t k) {
    if (type == VD_F32) {
        float value;
        memcpy(&value, (const uint8_t *)row + 4 * k, sizeof value);
        return (double)value;
    }
    if (type == VD_F16) {
        return half_at((const uint8_t *)row + 2 * k);
    }
    double product = weight_quant(type, row, k) * weight_scale(type, row, k);
    return type == VD_Q4_1 ? product + weight_minimum(type, row, k) : product;
}

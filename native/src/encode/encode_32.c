// Blocks of 32. Without importance, the legacy types take the scale from the extreme elements; with
// importance, and always for IQ4_NL, it is searched for.
#include <math.h>
#include <string.h>

#include "encode/encode.h"
#include "encode/search.h"
#include "types/blocks.h"

// Returns the integer part of x, clamped to [0, max].
static uint8_t floor_code(float x, int max) {
    return (uint8_t)(x < (float)max ? x > 0 ? (int)x : 0 : max);
}

static void weigh(const float *x, const float *importance, float mean_square, float *weights) {
    for (int i = 0; i < VD_BLOCK; i++) {
        weights[i] = importance[i] * sqrtf(mean_square + x[i] * x[i]);
    }
}

// Encodes Q4_0 or Q5_0: d * (code - levels).
static float encode_centered(int levels, const float *x, const float *weights, uint8_t *codes) {
    if (weights != NULL) {
        return vd_fit_scale(VD_BLOCK, levels, x, weights, codes);
    }
    float d = vd_extreme(VD_BLOCK, x) / (float)-levels;
    float inverse = vd_inverse(d);
    for (int i = 0; i < VD_BLOCK; i++) {
        codes[i] = floor_code(x[i] * inverse + ((float)levels + 0.5f), 2 * levels - 1);
    }
    return d;
}

// Encodes Q4_1 or Q5_1: d * code + *min.
static float encode_affine(int levels, const float *x, const float *weights, uint8_t *codes,
                           float *min) {
    if (weights != NULL) {
        float d = vd_fit_affine(VD_BLOCK, levels, x, weights, (vd_candidates){-0.9f, 0.05f, 36, 0},
                                codes, min);
        *min = -*min;
        return d;
    }
    float max = x[0];
    *min = x[0];
    for (int i = 1; i < VD_BLOCK; i++) {
        *min = x[i] < *min ? x[i] : *min;
        max = x[i] > max ? x[i] : max;
    }
    float d = (max - *min) / (float)levels;
    float inverse = vd_inverse(d);
    for (int i = 0; i < VD_BLOCK; i++) {
        codes[i] = floor_code((x[i] - *min) * inverse + 0.5f, levels);
    }
    return d;
}

// Returns the maximum magnitude. The bits of non-negative floats order as the floats do, and
// compilers vectorize the maximum of integers.
static float max_magnitude(const float *x) {
    int32_t bits[VD_BLOCK], maximum = 0;
    memcpy(bits, x, sizeof bits);
    for (int i = 0; i < VD_BLOCK; i++) {
        int32_t unsigned_bits = bits[i] & INT32_MAX;
        maximum = unsigned_bits > maximum ? unsigned_bits : maximum;
    }
    float result;
    memcpy(&result, &maximum, sizeof result);
    return result;
}

// Rounds to the nearest integer, halves away from zero, clamped to [-127, 127]. Avoids libm, so
// that compilers vectorize it.
static int32_t rounded(float x) {
    x = x > -127.0f ? x : -127.0f;
    x = x < 127.0f ? x : 127.0f;
    int32_t whole = (int32_t)x;
    float rest = x - (float)whole;
    return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

static float encode_q8_0(const float *x, uint8_t *codes) {
    float d = max_magnitude(x) / 127.0f;
    float inverse = vd_inverse(d);
    for (int i = 0; i < VD_BLOCK; i++) {
        codes[i] = (uint8_t)rounded(x[i] * inverse);
    }
    return d;
}

static float encode_iq4_nl(const float *x, const float *importance, uint8_t *codes) {
    float weights[VD_BLOCK];
    float sum = 0;
    for (int i = 0; i < VD_BLOCK; i++) {
        weights[i] = x[i] * x[i];
        sum += weights[i];
    }
    if (importance != NULL) {
        weigh(x, importance, sum * (2.0f / (float)VD_BLOCK), weights);
    }
    float d = vd_fit_uneven(x, weights);
    for (int i = 0; i < VD_BLOCK; i++) {
        codes[i] = vd_nearest_uneven(vd_inverse(d) * x[i]);
    }
    return d;
}

// Returns the exponent for which the extreme element is at most the maximum of E2M1, up to rounding
// (Rouhani et al. 2023, arXiv 2310.10537).
static uint8_t encode_mxfp4(const float *x, uint8_t *codes) {
    float extreme = max_magnitude(x);
    int exponent = extreme > 0 ? vd_clamp(ilogbf(extreme) - 2 + 127, 0, 254) : 0;
    float d = ldexpf(1.0f, exponent - 128);
    for (int i = 0; i < VD_BLOCK; i++) {
        float best_error = INFINITY;
        for (uint8_t code = 0; code < 16; code++) {
            float error = fabsf((float)vd_code_weight(VD_MXFP4, code) * d - x[i]);
            if (error < best_error) {
                best_error = error;
                codes[i] = code;
            }
        }
    }
    return (uint8_t)exponent;
}

void vd_encode_block_32(int32_t type, const float *x, const float *importance, float mean_square,
                        uint8_t *block) {
    uint8_t codes[VD_BLOCK] = {0};
    float weighed[VD_BLOCK];
    const float *weights = NULL;
    if (importance != NULL) {
        weigh(x, importance, mean_square, weighed);
        weights = weighed;
    }
    float d = 0;
    float min = 0;
    switch (type) {
        case VD_Q4_0:
        case VD_Q5_0:
            d = encode_centered(vd_block_layout_of(type).code_offset, x, weights, codes);
            break;
        case VD_Q4_1:
        case VD_Q5_1:
            d = encode_affine((1 << vd_code_bits(type)) - 1, x, weights, codes, &min);
            vd_block_put_dmin(type, block, vd_float_to_half(min));
            break;
        case VD_Q8_0:
            d = encode_q8_0(x, codes);
            break;
        case VD_IQ4_NL:
            d = encode_iq4_nl(x, importance, codes);
            break;
        default:  // MXFP4
            block[0] = encode_mxfp4(x, codes);
            break;
    }
    if (type != VD_MXFP4) {
        vd_block_put_d(type, block, vd_float_to_half(d));
    }
    vd_block_put_codes(type, block, 0, codes);
}

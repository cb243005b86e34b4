// Blocks of 256. First each sub-block gets its best scale (and minimum), then these are encoded,
// and finally the elements are encoded for the decoded scales.
#include <math.h>

#include "encode/encode.h"
#include "encode/search.h"
#include "types/block_fields.h"

enum { ELEMENTS = 256, SUB_BLOCKS = 16 };

// A block under construction.
typedef struct k_block {
    uint8_t codes[ELEMENTS];
    float scales[SUB_BLOCKS];
    float offsets[SUB_BLOCKS];  // minima, negated
    float sums[SUB_BLOCKS];     // of weights
    vd_factor_codes factors[SUB_BLOCKS];
} k_block;

static float sum_of_squares(int n, const float *x) {
    float sum = 0;
    for (int i = 0; i < n; i++) {
        sum += x[i] * x[i];
    }
    return sum;
}

// Computes the error weights of a sub-block and returns their sum.
static float weigh(int32_t type, int n, const float *x, const float *importance, float mean_square,
                   float *weights) {
    int is_symmetric = type == VD_Q3_K || type == VD_Q6_K || type == VD_IQ4_XS;
    float spread = is_symmetric || type == VD_Q2_K ? 0 : sqrtf(sum_of_squares(n, x) / (float)n);
    float sum = 0;
    for (int i = 0; i < n; i++) {
        if (importance == NULL) {
            weights[i] = is_symmetric ? x[i] * x[i] : spread + fabsf(x[i]);
        } else {
            float magnitude = type == VD_Q6_K ? 1 : sqrtf(mean_square + x[i] * x[i]);
            weights[i] = importance[i] * magnitude;
        }
        sum += weights[i];
    }
    return sum;
}

static vd_candidates candidates_of(int32_t type, int has_importance) {
    if (has_importance) {
        return (vd_candidates){-0.9f, 0.05f, 36, 0};
    }
    return type == VD_Q4_K ? (vd_candidates){-1.0f, 0.1f, 20, 0}
                           : (vd_candidates){-0.5f, 0.1f, 15, type == VD_Q2_K};
}

static void fit_sub_blocks(int32_t type, const float *x, const float *importance, k_block *b) {
    vd_block_layout layout = vd_block_layout_of(type);
    int n = layout.sub_block;
    int levels = 1 << vd_code_bits(type);
    float mean_square =
        sum_of_squares(ELEMENTS, x) / (float)ELEMENTS * (type == VD_Q2_K ? 1.0f : 2.0f);
    for (int j = 0; j < ELEMENTS / n; j++) {
        float weights[VD_BLOCK];
        const float *part = importance == NULL ? NULL : importance + j * n;
        uint8_t *codes = b->codes + j * n;
        b->sums[j] = weigh(type, n, x + j * n, part, mean_square, weights);
        if (layout.minima) {
            b->scales[j] = vd_fit_affine(n, levels - 1, x + j * n, weights,
                                         candidates_of(type, part != NULL), codes, &b->offsets[j]);
        } else if (type == VD_IQ4_XS) {
            b->scales[j] = vd_fit_uneven(x + j * n, weights);
        } else if (type == VD_Q3_K && part == NULL) {
            b->scales[j] = vd_fit_scale_by_moves(n, levels / 2, x + j * n, weights, codes);
        } else {
            b->scales[j] = vd_fit_scale(n, levels / 2, x + j * n, weights, codes);
        }
    }
}

// Encodes non-negative factors relative to their maximum, and returns the value of one code step.
static float encode_by_max(int n, int levels, const float *factors, uint8_t *codes) {
    float max = 0;
    for (int j = 0; j < n; j++) {
        max = factors[j] > max ? factors[j] : max;
    }
    float inverse = max > 0 ? (float)levels / max : 0.0f;
    for (int j = 0; j < n; j++) {
        codes[j] = (uint8_t)vd_clamp(vd_nearest(inverse * factors[j]), 0, levels);
    }
    return max / (float)levels;
}

static void put_halves(int32_t type, float d, float dmin, uint8_t *block) {
    vd_block_put_d(type, block, vd_float_to_half(d));
    if (vd_block_layout_of(type).minima) {
        vd_block_put_dmin(type, block, vd_float_to_half(dmin));
    }
}

// Encodes scales and minima of 4 or 6 bits: Q2_K, Q4_K, Q5_K.
static void encode_factors(int32_t type, int weighted, k_block *b, uint8_t *block) {
    int n = ELEMENTS / vd_block_layout_of(type).sub_block;
    int levels = type == VD_Q2_K ? 15 : 63;
    uint8_t scales[SUB_BLOCKS], minima[SUB_BLOCKS];
    float d, dmin;
    if (weighted) {
        d = vd_fit_positive(n, levels, b->scales, b->sums, scales);
        dmin = vd_fit_positive(n, levels, b->offsets, b->sums, minima);
    } else {
        d = encode_by_max(n, levels, b->scales, scales);
        dmin = encode_by_max(n, levels, b->offsets, minima);
    }
    put_halves(type, d, dmin, block);
    for (int j = 0; j < n; j++) {
        b->factors[j] = (vd_factor_codes){scales[j], minima[j]};
    }
}

// Encodes signed scales of 6 or 8 bits: Q3_K, Q6_K.
static void encode_signed_factors(int32_t type, int weighted, k_block *b, uint8_t *block) {
    int levels = type == VD_Q3_K ? 32 : 128;
    int offset = type == VD_Q3_K ? levels : 0;  // Q6_K stores two's complement
    float extreme = vd_extreme(SUB_BLOCKS, b->scales);
    uint8_t codes[SUB_BLOCKS] = {0};
    float d = 0;
    if (weighted && type == VD_Q3_K) {
        d = vd_fit_scale(SUB_BLOCKS, levels, b->scales, b->sums, codes);
    } else if (extreme != 0) {
        float inverse = (float)-levels / extreme;
        d = 1 / inverse;
        for (int j = 0; j < SUB_BLOCKS; j++) {
            int32_t code = vd_clamp(vd_nearest(inverse * b->scales[j]), -levels, levels - 1);
            codes[j] = (uint8_t)(code + offset);
        }
    }
    put_halves(type, d, 0, block);
    for (int j = 0; j < SUB_BLOCKS; j++) {
        b->factors[j] = (vd_factor_codes){codes[j], 0};
    }
}

// Encodes elements for the stored scale of a sub-block. If it is zero, the codes are kept.
static void encode_elements(int32_t type, const float *x, int j, const uint8_t *block, k_block *b) {
    vd_block_layout layout = vd_block_layout_of(type);
    float scale = vd_scale_of(type, vd_block_d(type, block), b->factors[j]);
    float offset =
        layout.minima ? -vd_minimum_of(type, vd_block_dmin(type, block), b->factors[j]) : 0.0f;
    int shift = vd_block_layout_of(type).code_offset;
    int max = (1 << vd_code_bits(type)) - 1;
    for (int i = j * layout.sub_block; i < (j + 1) * layout.sub_block && scale != 0; i++) {
        int32_t code =
            layout.minima ? vd_nearest((x[i] + offset) / scale) : vd_nearest(x[i] / scale);
        b->codes[i] = (uint8_t)(vd_clamp(code, -shift, max - shift) + shift);
    }
}

// Encodes IQ4_XS, with signed scales of 6 bits. Elements are encoded for d before it is rounded to
// a half.
static void encode_uneven(const float *x, k_block *b, uint8_t *block) {
    const int sub_blocks = ELEMENTS / VD_BLOCK;
    float d = vd_extreme(sub_blocks, b->scales) / -32.0f;
    vd_block_put_d(VD_IQ4_XS, block, vd_float_to_half(d));
    for (int j = 0; j < sub_blocks; j++) {
        int32_t code = vd_clamp(vd_nearest(vd_inverse(d) * b->scales[j]), -32, 31);
        b->factors[j] = (vd_factor_codes){(uint8_t)code, 0};
        float inverse = vd_inverse(d * (float)code);
        for (int i = j * VD_BLOCK; i < (j + 1) * VD_BLOCK; i++) {
            b->codes[i] = vd_nearest_uneven(inverse * x[i]);
        }
    }
}

void vd_encode_block_k(int32_t type, const float *x, const float *importance, uint8_t *block) {
    vd_block_layout layout = vd_block_layout_of(type);
    k_block b;
    fit_sub_blocks(type, x, importance, &b);
    if (type == VD_Q6_K && fabsf(vd_extreme(SUB_BLOCKS, b.scales)) < VD_ENCODE_EPSILON) {
        return;  // all zero
    }
    if (type == VD_IQ4_XS) {
        encode_uneven(x, &b, block);
    } else if (layout.minima) {
        encode_factors(type, importance != NULL, &b, block);
    } else {
        encode_signed_factors(type, importance != NULL, &b, block);
    }
    for (int j = 0; j < ELEMENTS / layout.sub_block; j++) {
        vd_block_put_factor_codes(type, block, j, b.factors[j]);
        if (type != VD_IQ4_XS) {
            encode_elements(type, x, j, block, &b);
        }
    }
    for (int i = 0; i < ELEMENTS / VD_BLOCK; i++) {
        vd_block_put_codes(type, block, i, b.codes + i * VD_BLOCK);
    }
}

#include "support/weights.h"

#include <math.h>
#include <string.h>

#include "support/codebooks.h"

const vd_type weight_types[WEIGHT_TYPES] = {
    VD_F32,   VD_F16,    VD_BF16,    VD_Q4_0,  VD_Q4_1,   VD_Q5_0,  VD_Q5_1,   VD_Q8_0,  VD_Q2_K,
    VD_Q3_K,  VD_Q4_K,   VD_Q5_K,    VD_Q6_K,  VD_IQ4_NL, VD_MXFP4, VD_IQ4_XS, VD_IQ3_S, VD_IQ3_XXS,
    VD_IQ2_S, VD_IQ2_XS, VD_IQ2_XXS, VD_IQ1_M, VD_IQ1_S,  VD_TQ1_0, VD_TQ2_0,  VD_Q2_0};

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

enum { NONE = -1 };

// Byte offsets of the parts of a block. codebooks.c has those of types with grids.
typedef struct format {
    const char *name;
    int elements, sub_block, bytes;
    int low, high;            // bits of the codes
    int d, dmin;              // F16 (MXFP4: an exponent byte)
    int factors;              // codes of scales and minima
    int low_bits, high_bits;  // of codes when packed
    int encodes;              // vd_encode has an encoder
} format;

static const format formats[] = {
    [VD_F32] = {"f32", 1, 1, 4, NONE, NONE, NONE, NONE, NONE, 0, 0, 1},
    [VD_F16] = {"f16", 1, 1, 2, NONE, NONE, NONE, NONE, NONE, 0, 0, 1},
    [VD_BF16] = {"bf16", 1, 1, 2, NONE, NONE, NONE, NONE, NONE, 0, 0, 1},
    [VD_Q2_0] = {"q2_0", 64, 32, 18, 2, NONE, 0, NONE, NONE, 2, 0, 0},
    [VD_Q4_0] = {"q4_0", 32, 32, 18, 2, NONE, 0, NONE, NONE, 4, 0, 1},
    [VD_Q4_1] = {"q4_1", 32, 32, 20, 4, NONE, 0, 2, NONE, 4, 0, 1},
    [VD_Q5_0] = {"q5_0", 32, 32, 22, 6, 2, 0, NONE, NONE, 4, 1, 1},
    [VD_Q5_1] = {"q5_1", 32, 32, 24, 8, 4, 0, 2, NONE, 4, 1, 1},
    [VD_Q8_0] = {"q8_0", 32, 32, 34, 2, NONE, 0, NONE, NONE, 8, 0, 1},
    [VD_IQ4_NL] = {"iq4_nl", 32, 32, 18, 2, NONE, 0, NONE, NONE, 4, 0, 1},
    [VD_MXFP4] = {"mxfp4", 32, 32, 17, 1, NONE, 0, NONE, NONE, 4, 0, 1},
    [VD_Q2_K] = {"q2_k", 256, 16, 84, 16, NONE, 80, 82, 0, 2, 0, 1},
    [VD_Q3_K] = {"q3_k", 256, 16, 110, 32, 0, 108, NONE, 96, 2, 1, 1},
    [VD_Q4_K] = {"q4_k", 256, 32, 144, 16, NONE, 0, 2, 4, 4, 0, 1},
    [VD_Q5_K] = {"q5_k", 256, 32, 176, 48, 16, 0, 2, 4, 4, 1, 1},
    [VD_Q6_K] = {"q6_k", 256, 16, 210, 0, 128, 208, NONE, 192, 4, 2, 1},
    [VD_IQ4_XS] = {"iq4_xs", 256, 32, 136, 8, NONE, 0, NONE, 2, 4, 0, 1},
    [VD_IQ3_S] = {"iq3_s", 256, 32, 110, NONE, NONE, NONE, NONE, NONE, 4, 0, 0},
    [VD_IQ3_XXS] = {"iq3_xxs", 256, 32, 98, NONE, NONE, NONE, NONE, NONE, 4, 0, 0},
    [VD_IQ2_S] = {"iq2_s", 256, 16, 82, NONE, NONE, NONE, NONE, NONE, 2, 1, 0},
    [VD_IQ2_XS] = {"iq2_xs", 256, 16, 74, NONE, NONE, NONE, NONE, NONE, 2, 1, 0},
    [VD_IQ2_XXS] = {"iq2_xxs", 256, 32, 66, NONE, NONE, NONE, NONE, NONE, 2, 1, 0},
    [VD_IQ1_M] = {"iq1_m", 256, 16, 56, NONE, NONE, NONE, NONE, NONE, 2, 1, 0},
    [VD_IQ1_S] = {"iq1_s", 256, 32, 50, NONE, NONE, NONE, NONE, NONE, 2, 1, 0},
    [VD_TQ1_0] = {"tq1_0", 256, 32, 54, 0, NONE, 52, NONE, NONE, 2, 0, 0},
    [VD_TQ2_0] = {"tq2_0", 256, 32, 66, 0, NONE, 64, NONE, NONE, 2, 0, 0},
};

const char *type_name(vd_type type) { return formats[type].name; }

int is_quantized(vd_type type) { return formats[type].elements > 1; }

int64_t block_elements(vd_type type) { return formats[type].elements; }

int64_t sub_block_elements(vd_type type) { return formats[type].sub_block; }

int low_bits(vd_type type) { return formats[type].low_bits; }

int high_bits(vd_type type) { return formats[type].high_bits; }

int has_encoder(vd_type type) { return formats[type].encodes; }

int has_minima(vd_type type) { return formats[type].dmin != NONE; }

int64_t weights_row_bytes(vd_type type, int64_t K) {
    return K / formats[type].elements * formats[type].bytes;
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

static uint8_t random_exponent(rng *r, weight_bits bits) {
    if (bits >= WEIGHTS_ANY_HALF) {
        return rng_below(r, 8) == 0 ? (uint8_t)rng_below(r, 3)
                                    : (uint8_t)rng_below(r, bits == WEIGHTS_ANY_BITS ? 256 : 255);
    }
    return (uint8_t)rng_between(r, 119, 124);
}

static uint8_t random_codes(rng *r, vd_type type, weight_bits bits) {
    uint64_t any = rng_next(r);
    switch (bits) {
        case WEIGHTS_EXTREME:
            return type == VD_Q8_0 ? (any & 1 ? 0x80 : 0x7f)
                                   : (uint8_t)((any & 1 ? 0 : 15) | (any & 2 ? 0 : 240));
        case WEIGHTS_MIN:
            return type == VD_Q8_0 ? 0x80 : 0;
        case WEIGHTS_MAX:
            return type == VD_Q8_0 ? 0x7f : 0xff;
        default:
            return (uint8_t)any;
    }
}

// Returns codes of scales and minima: any, with extreme ones more often.
static uint8_t random_factor_codes(rng *r) {
    static const uint8_t ends[] = {0, 0xff, 0x80, 0x7f};
    return (uint8_t)(rng_below(r, 3) == 0 ? ends[rng_below(r, 4)] : rng_next(r));
}

static void random_block(rng *r, vd_type type, weight_bits bits, uint8_t *block) {
    const format *f = &formats[type];
    for (int i = 0; i < f->bytes; i++) {
        block[i] = random_codes(r, type, bits);
    }
    int factors = f->factors == NONE                      ? 0
                  : type == VD_IQ4_XS                     ? 6
                  : f->sub_block == 16 && type != VD_Q3_K ? 16
                                                          : 12;
    for (int i = 0; i < factors; i++) {
        block[f->factors + i] = random_factor_codes(r);
    }
    if (type == VD_MXFP4) {
        block[f->d] = random_exponent(r, bits);
        return;
    }
    uint16_t d = random_half(r, bits), dmin = random_half(r, bits);
    if (is_codebook(type)) {
        codebook_put_d(type, block, d);
        return;
    }
    memcpy(block + f->d, &d, sizeof d);
    if (f->dmin != NONE) {
        memcpy(block + f->dmin, &dmin, sizeof dmin);
    }
}

static floats float_kind(weight_bits bits) {
    return bits == WEIGHTS_PLAIN      ? ORDINARY
           : bits == WEIGHTS_ANY_HALF ? MIXED
           : bits == WEIGHTS_ANY_BITS ? SPECIAL
                                      : WIDE;
}

void random_weights(rng *r, vd_type type, weight_bits bits, int64_t N, int64_t K, void *rows) {
    if (type == VD_F32) {
        rng_fill(r, float_kind(bits), rows, N * K);
        return;
    }
    for (int64_t i = 0; i < N * K / formats[type].elements; i++) {
        uint8_t *block = (uint8_t *)rows + i * formats[type].bytes;
        if (type == VD_F16) {
            uint16_t half = random_half(r, bits);
            memcpy(block, &half, sizeof half);
        } else if (type == VD_BF16) {
            float value = rng_float(r, float_kind(bits));
            memcpy(block, (const uint8_t *)&value + 2, 2);
        } else {
            random_block(r, type, bits, block);
        }
    }
}

static const uint8_t *block_of(vd_type type, const void *row, int64_t k) {
    return (const uint8_t *)row + k / formats[type].elements * formats[type].bytes;
}

static uint16_t two_bytes(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

static int nibble(uint8_t byte, int high) { return high ? byte >> 4 : byte & 15; }

// Returns element k of TQ1_0. A byte holds five ternary digits as a fraction in 256ths.
static uint8_t trit(const uint8_t *block, int k) {
    int digit = k < 160 ? k / 32 : k < 240 ? (k - 160) / 16 : (k - 240) / 4;
    int at = k < 160 ? k % 32 : k < 240 ? 32 + k % 16 : 48 + k % 4;
    int left = block[at];
    while (digit-- > 0) {
        left = 3 * left % 256;
    }
    return (uint8_t)(3 * left / 256);
}

uint8_t weight_code(vd_type type, const void *row, int64_t at) {
    const uint8_t *block = block_of(type, row, at);
    const uint8_t *low = block + formats[type].low, *high = block + formats[type].high;
    int k = (int)(at % formats[type].elements);
    int l = k % 32;
    if (is_codebook(type)) {
        return codebook_code(type, block, k);
    }
    switch (type) {
        case VD_Q8_0:
            return low[k];
        case VD_TQ1_0:
            return trit(block, k);
        case VD_IQ4_XS:
            return (uint8_t)nibble(low[k / 32 * 16 + k % 16], l >= 16);
        case VD_Q5_0:
        case VD_Q5_1:
            return (uint8_t)(nibble(low[k % 16], k >= 16) | (high[k / 8] >> k % 8 & 1) << 4);
        case VD_Q2_0:
            return low[k / 4] >> k % 4 * 2 & 3;
        case VD_TQ2_0:
        case VD_Q2_K:
            return low[k / 128 * 32 + l] >> k % 128 / 32 * 2 & 3;
        case VD_Q3_K:
            return (uint8_t)((low[k / 128 * 32 + l] >> k % 128 / 32 * 2 & 3) |
                             (high[l] >> k / 32 & 1) << 2);
        case VD_Q4_K:
            return (uint8_t)nibble(low[k / 64 * 32 + l], k % 64 >= 32);
        case VD_Q5_K:
            return (uint8_t)(nibble(low[k / 64 * 32 + l], k % 64 >= 32) | (high[l] >> k / 32 & 1)
                                                                              << 4);
        case VD_Q6_K:
            return (uint8_t)(nibble(low[k / 128 * 64 + k % 64], k % 128 >= 64) |
                             (high[k / 128 * 32 + l] >> k % 128 / 32 * 2 & 3) << 4);
        default:
            return (uint8_t)nibble(low[k % 16], k >= 16);
    }
}

int32_t weight_quant(vd_type type, const void *row, int64_t k) {
    static const int8_t iq4_nl[] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                    1,    13,   25,  38,  53,  69,  89,  113};
    static const int8_t mxfp4[] = {0, 1, 2, 3, 4, 6, 8, 12};
    uint8_t code = weight_code(type, row, k);
    if (is_codebook(type)) {
        return codebook_quant(type, code);
    }
    switch (type) {
        case VD_TQ1_0:
        case VD_TQ2_0:
        case VD_Q2_0:
            return code - 1;
        case VD_Q4_0:
            return code - 8;
        case VD_Q5_0:
            return code - 16;
        case VD_Q8_0:
            return (int8_t)code;
        case VD_Q3_K:
            return code - 4;
        case VD_Q6_K:
            return code - 32;
        case VD_IQ4_NL:
        case VD_IQ4_XS:
            return iq4_nl[code];
        case VD_MXFP4:
            return code < 8 ? mxfp4[code] : -mxfp4[code - 8];
        default:
            return code;
    }
}

uint16_t weight_d(vd_type type, const void *row, int64_t k) {
    if (is_codebook(type)) {
        return codebook_d(type, block_of(type, row, k));
    }
    const uint8_t *d = block_of(type, row, k) + formats[type].d;
    return type == VD_MXFP4 ? *d : two_bytes(d);
}

uint16_t weight_dmin(vd_type type, const void *row, int64_t k) {
    return two_bytes(block_of(type, row, k) + formats[type].dmin);
}

// Returns the index of element k's sub-block within its block.
static int sub_block_of(vd_type type, int64_t k) {
    return (int)(k % formats[type].elements / formats[type].sub_block);
}

// Returns the codes of the factors of element k's block.
static const uint8_t *factors_of(vd_type type, const void *row, int64_t k) {
    return block_of(type, row, k) + formats[type].factors;
}

uint8_t weight_scale_code(vd_type type, const void *row, int64_t k) {
    if (is_codebook(type)) {
        return codebook_scale_code(type, block_of(type, row, k), (int)(k % 256));
    }
    const uint8_t *codes = factors_of(type, row, k);
    int j = sub_block_of(type, k);
    switch (type) {
        case VD_IQ4_XS: {
            int code = nibble(codes[2 + j / 2], j % 2) + 16 * (two_bytes(codes) >> 2 * j & 3);
            return (uint8_t)(code - 32);
        }
        case VD_Q2_K:
            return codes[j] & 15;
        case VD_Q3_K:
            return (uint8_t)(nibble(codes[j % 8], j >= 8) | (codes[8 + j % 4] >> j / 4 * 2 & 3)
                                                                << 4);
        case VD_Q4_K:
        case VD_Q5_K:
            return (uint8_t)(j < 4 ? codes[j] & 63
                                   : (codes[j + 4] & 15) | (codes[j - 4] >> 6) << 4);
        default:
            return codes[j];
    }
}

uint8_t weight_minimum_code(vd_type type, const void *row, int64_t k) {
    const uint8_t *codes = factors_of(type, row, k);
    int j = sub_block_of(type, k);
    if (type == VD_Q2_K) {
        return codes[j] >> 4;
    }
    return (uint8_t)(j < 4 ? codes[j + 4] & 63 : (codes[j + 4] >> 4) | (codes[j] >> 6) << 4);
}

double weight_scale(vd_type type, const void *row, int64_t k) {
    uint16_t d = weight_d(type, row, k);
    if (type == VD_MXFP4) {
        return d == 255 ? (double)NAN : ldexp(1, d - 128);
    }
    if (is_codebook(type)) {
        return half_value(d) * weight_scale_code(type, row, k) * codebook_unit(type);
    }
    if (formats[type].factors == NONE) {
        return half_value(d);
    }
    uint8_t code = weight_scale_code(type, row, k);
    int is_signed = type == VD_Q6_K || type == VD_IQ4_XS;
    return half_value(d) * (is_signed ? (int8_t)code : type == VD_Q3_K ? code - 32 : code);
}

double weight_minimum(vd_type type, const void *row, int64_t k) {
    if (!has_minima(type)) {
        return 0;
    }
    double dmin = half_value(weight_dmin(type, row, k));
    return formats[type].factors == NONE ? dmin : -(dmin * weight_minimum_code(type, row, k));
}

double weight_value(vd_type type, const void *row, int64_t k) {
    const uint8_t *element = (const uint8_t *)row + k * formats[type].bytes;
    if (type == VD_F16) {
        return half_value(two_bytes(element));
    }
    if (!is_quantized(type)) {
        uint8_t bytes[4] = {0};
        float value;
        memcpy(bytes + 4 - formats[type].bytes, element, (size_t)formats[type].bytes);
        memcpy(&value, bytes, sizeof value);
        return (double)value;
    }
    double product = weight_quant(type, row, k) * weight_scale(type, row, k);
    return has_minima(type) ? product + weight_minimum(type, row, k) : product;
}

// encode: each code is the nearest one for the factors stored with it, by the independent decoder
// of support/weights.h. QuantizerTest in Java compares the factors with files of llama.cpp.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/weights.h"

enum { ROWS = 5, K = 512 };

static int is_k(vd_type type) { return block_elements(type) == 256; }

static int is_uneven(vd_type type) { return type == VD_IQ4_NL || type == VD_IQ4_XS; }

// Returns the maximum of half the distance between neighboring quants.
static double half_gap(vd_type type) { return is_uneven(type) ? 12 : type == VD_MXFP4 ? 2 : 0.5; }

// Returns 1 if the code is the minimum or maximum of its type, to which elements beyond are
// clamped.
static int is_extreme(vd_type type, const void *row, int64_t k) {
    int code = weight_code(type, row, k);
    switch (type) {
        case VD_MXFP4:
            return code % 8 == 7;
        case VD_Q8_0:
            return 0;
        case VD_Q2_K:
            return code == 0 || code == 3;
        case VD_Q3_K:
            return code == 0 || code == 7;
        case VD_Q5_0:
        case VD_Q5_1:
        case VD_Q5_K:
            return code == 0 || code == 31;
        case VD_Q6_K:
            return code == 0 || code == 63;
        default:
            return code == 0 || code == 15;
    }
}

// Checks an element. Factors are rounded to F16 before elements of Q2_K to Q6_K are encoded, and
// after elements of other types.
static void check_element(vd_type type, const void *row, int64_t k, float x) {
    double value = weight_value(type, row, k);
    if (!is_quantized(type)) {
        double spacing = type == VD_F32 ? 0 : type == VD_F16 ? 0x1p-11 : 0x1p-8;
        near("element", k, (double)x, fabs((double)x) * spacing + 0x1p-25, (float)value);
        return;
    }
    double scale = fabs(weight_scale(type, row, k));
    double minimum = has_minima(type) ? fabs(weight_minimum(type, row, k)) : 0;
    double rounding = is_k(type) && !is_uneven(type) ? 0x1p-20 : 0x1p-11;
    double size = fabs((double)weight_quant(type, row, k)) * scale + minimum;
    double tolerance = half_gap(type) * scale + rounding * (size + scale) + 0x1p-24;
    if (scale > 0 && !is_extreme(type, row, k)) {
        near("element", k, (double)x, tolerance, (float)value);
    }
}

static void encodes_nearest_codes(rng *r, vd_type type, floats kind, int weighted,
                                  placement where) {
    describe("encode %s, %s, weighted %d", type_name(type), floats_name(kind), weighted);
    float x[ROWS * K], importance[K];
    rng_fill(r, kind, x, ROWS * K);
    for (int i = 0; i < ROWS * K && where == AT_START; i++) {
        x[i] = fabsf(x[i]);  // the best minimum would be positive
    }
    for (int k = 0; k < K; k++) {
        importance[k] = rng_uniform(r, 0, 1);
    }
    int64_t row_bytes = weights_row_bytes(type, K);
    const float *source = guarded_copy(x, sizeof x, where);
    const float *weights = weighted ? guarded_copy(importance, sizeof importance, where) : NULL;
    unsigned char *whole = guarded_alloc((size_t)(ROWS * row_bytes), where);
    unsigned char *part = guarded_alloc((size_t)(ROWS * row_bytes), where);
    int64_t bad_row = 7;
    CHECK(vd_encode(VD_F32, type, K, source, weights, whole, 0, ROWS, &bad_row) == VD_OK);
    CHECK(bad_row == -1);
    // With importance, codes of blocks of 32 are nearest for a slightly different scale.
    int nearest = !weighted || is_k(type) || !is_quantized(type);
    for (int64_t row = 0; row < ROWS && nearest; row++) {
        for (int64_t k = 0; k < K; k++) {
            check_element(type, whole + row * row_bytes, k, x[row * K + k]);
        }
    }
    CHECK(vd_encode(VD_F32, type, K, source, weights, part, 1, 3, NULL) == VD_OK);
    untouched("rows before the range", part, row_bytes);
    same_bytes("rows of the range", whole + row_bytes, part + row_bytes, 2 * row_bytes);
    untouched("rows after the range", part + 3 * row_bytes, (ROWS - 3) * row_bytes);
    guarded_free_all();
}

// Encoding any type as F32 decodes it.
static void decodes_to_f32(rng *r, vd_type type) {
    describe("encode %s as f32", type_name(type));
    int64_t row_bytes = weights_row_bytes(type, K);
    unsigned char *source = guarded_alloc((size_t)row_bytes, AT_END);
    float *y = guarded_alloc(K * sizeof *y, AT_END);
    random_weights(r, type, WEIGHTS_PLAIN, 1, K, source);
    CHECK(vd_encode(type, VD_F32, K, source, NULL, y, 0, 1, NULL) == VD_OK);
    for (int64_t k = 0; k < K; k++) {
        double expected = weight_value(type, source, k);
        near("element", k, expected, fabs(expected) * 0x1p-22 + 0x1p-24, y[k]);
    }
    guarded_free_all();
}

// Checks that unencodable elements are rejected with their row.
static void rejects_unencodable_elements(rng *r, vd_type type) {
    describe("encode %s, unencodable elements", type_name(type));
    float x[ROWS * K];
    unsigned char *y = guarded_alloc((size_t)(ROWS * weights_row_bytes(type, K)), AT_END);
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rng_fill(r, ORDINARY, x, ROWS * K);
        x[2 * K + 77] = bad[i];
        int64_t bad_row = -1;
        CHECK(vd_encode(VD_F32, type, K, x, NULL, y, 0, ROWS, &bad_row) == VD_OUT_OF_RANGE);
        CHECK(bad_row == 2);
    }
    // Squares of elements overflow; elements exceed an F16 scale times any code.
    static const float large[] = {3e38f, 2e9f};
    for (int which = 0; which < 2; which++) {
        for (int i = 0; i < ROWS * K; i++) {
            x[i] = i % 3 == 0 ? large[which] : -large[which];
        }
        vd_status status = vd_encode(VD_F32, type, K, x, NULL, y, 0, ROWS, NULL);
        int representable = type == VD_F32 || type == VD_BF16 || type == VD_MXFP4;
        CHECK(status == (representable ? VD_OK : VD_OUT_OF_RANGE));
    }
    for (floats kind = 0; kind < FLOATS_COUNT; kind++) {
        rng_fill(r, kind, x, ROWS * K);
        vd_status status = vd_encode(VD_F32, type, K, x, NULL, y, 0, ROWS, NULL);
        CHECK(status == VD_OK || status == VD_OUT_OF_RANGE);
    }
    guarded_free_all();
}

static void rejects_invalid_arguments(void) {
    describe("encode, arguments");
    float x[K] = {0};
    unsigned char y[4 * K];
    CHECK(vd_encode(VD_F32, VD_Q8_0, K, NULL, NULL, y, 0, 1, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_encode(VD_F32, VD_Q8_0, K, x, NULL, NULL, 0, 1, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_encode(VD_F32, VD_Q8_0, 0, x, NULL, y, 0, 1, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_encode(VD_F32, VD_Q8_0, -32, x, NULL, y, 0, 1, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_encode(VD_F32, VD_Q8_0, 33, x, NULL, y, 0, 1, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_encode(VD_F32, VD_Q4_K, 32, x, NULL, y, 0, 1, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_encode(VD_Q4_K, VD_F32, 32, x, NULL, y, 0, 1, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_encode(VD_F32, VD_Q8_0, 1LL << 40, x, NULL, y, 0, 1, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_encode(VD_F32, VD_Q8_0, K, x, NULL, y, -1, 1, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_encode(VD_F32, VD_Q8_0, K, x, NULL, y, 1, 0, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_encode(VD_F32, (vd_type)5, K, x, NULL, y, 0, 1, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_encode((vd_type)99, VD_F32, K, x, NULL, y, 0, 1, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_encode(VD_F32, VD_Q8_0, K, x, NULL, y, 1, 1, NULL) == VD_OK);
}

int main(void) {
    describe_faults();
    rng r = {5};
    for (int t = 0; t < WEIGHT_TYPES; t++) {
        decodes_to_f32(&r, weight_types[t]);
        if (!has_encoder(weight_types[t])) {
            float x[K] = {0}, y[K];
            int64_t bad_row = 7;
            vd_status status = vd_encode(VD_F32, weight_types[t], K, x, NULL, y, 0, 1, &bad_row);
            CHECK(status == VD_UNSUPPORTED);
            CHECK(bad_row == -1);
            continue;
        }
        for (int round = 0; round < 4; round++) {
            placement where = (placement)(round % PLACEMENTS);
            encodes_nearest_codes(&r, weight_types[t], ORDINARY, round / 2, where);
            encodes_nearest_codes(&r, weight_types[t], ZEROS, round / 2, where);
        }
        rejects_unencodable_elements(&r, weight_types[t]);
    }
    rejects_invalid_arguments();
    return 0;
}

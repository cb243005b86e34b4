// Fuzzes vd_packed_bytes, vd_pack and vd_encode. An input is two types, sizes and the bytes of a
// matrix, in memory that ends where the matrix ends. Rows that are packed or encoded one after the
// other must equal those of one call, and an encoded matrix must decode to finite numbers.
#include <math.h>
#include <stdlib.h>

#include "input.h"
#include "support/check.h"
#include "types/types.h"
#include "vidrio.h"

enum { N_MAX = 35, BLOCKS_MAX = 3, SUPER = 256 };

static void check_arguments(input *in) {
    int64_t numbers[4];
    int32_t type;
    take(in, &type, sizeof type);
    take(in, numbers, sizeof numbers);
    int64_t bytes = -1;
    if (vd_packed_bytes((vd_type)type, numbers[0], numbers[1], &bytes) == VD_OK) {
        CHECK(numbers[0] > 0 && numbers[1] > 0 && bytes > 0);
    }
    CHECK(vd_packed_bytes((vd_type)type, numbers[0], numbers[1], NULL) != VD_OK);
    int64_t bad_row = 0;
    CHECK(vd_pack(NULL, (vd_type)type, numbers[0], numbers[1], NULL, NULL, numbers[2],
                  numbers[3]) != VD_OK);
    CHECK(vd_encode((vd_type)type, VD_F32, numbers[0], NULL, NULL, NULL, numbers[2], numbers[3],
                    &bad_row) != VD_OK);
}

// Returns the bytes of a matrix: those of the input, repeated.
static uint8_t *take_matrix(input *in, size_t bytes) {
    uint8_t *matrix = malloc(bytes);
    size_t given = (size_t)(in->end - in->at);
    for (size_t i = 0; i < bytes; i++) {
        matrix[i] = given == 0 ? 0 : in->at[i % given];
    }
    return matrix;
}

static void pack(vd_type type, int64_t N, int64_t K, const uint8_t *source) {
    int64_t bytes;
    if (vd_packed_bytes(type, N, K, &bytes) != VD_OK) {
        return;
    }
    void *whole = aligned_alloc(64, (size_t)bytes), *parts = aligned_alloc(64, (size_t)bytes);
    memset(whole, 0, (size_t)bytes);  // padding is not written
    memset(parts, 0, (size_t)bytes);
    int64_t groups = (N + 15) / 16;
    CHECK(vd_pack(NULL, type, N, K, source, whole, 0, groups) == VD_OK);
    for (int64_t g = groups; g-- > 0;) {
        CHECK(vd_pack(NULL, type, N, K, source, parts, g, g + 1) == VD_OK);
    }
    CHECK(memcmp(whole, parts, (size_t)bytes) == 0);
    free(whole);
    free(parts);
}

static void decode(vd_type type, int64_t N, int64_t K, const uint8_t *rows) {
    float *values = malloc((size_t)(N * K) * sizeof *values);
    CHECK(vd_encode(type, VD_F32, K, rows, NULL, values, 0, N, NULL) == VD_OK);
    for (int64_t i = 0; i < N * K; i++) {
        CHECK(isfinite(values[i]));
    }
    free(values);
}

static void encode(vd_type from, vd_type to, int64_t N, int64_t K, const uint8_t *source,
                   const float *importance) {
    size_t row = (size_t)vd_row_bytes(to, K);
    uint8_t *whole = malloc((size_t)N * row), *parts = malloc((size_t)N * row);
    int64_t bad_row = -2;
    vd_status status = vd_encode(from, to, K, source, importance, whole, 0, N, &bad_row);
    CHECK(status == VD_OK || status == VD_UNSUPPORTED || status == VD_OUT_OF_RANGE ||
          status == VD_NO_MEMORY);
    CHECK(status == VD_OUT_OF_RANGE ? bad_row >= 0 && bad_row < N : bad_row == -1);
    if (status == VD_OK) {
        for (int64_t n = 0; n < N; n++) {
            CHECK(vd_encode(from, to, K, source, importance, parts, n, n + 1, NULL) == VD_OK);
        }
        CHECK(memcmp(whole, parts, (size_t)N * row) == 0);
        decode(to, N, K, whole);
    }
    free(whole);
    free(parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const vd_type types[] = {
        VD_F32,    VD_F16,     VD_Q4_0,  VD_Q4_1,   VD_Q5_0,  VD_Q5_1,  VD_Q8_0,
        VD_Q2_K,   VD_Q3_K,    VD_Q4_K,  VD_Q5_K,   VD_Q6_K,  VD_BF16,  VD_IQ2_XXS,
        VD_IQ2_XS, VD_IQ3_XXS, VD_IQ1_S, VD_IQ4_NL, VD_IQ3_S, VD_IQ2_S, VD_IQ4_XS,
        VD_IQ1_M,  VD_TQ1_0,   VD_TQ2_0, VD_MXFP4,  VD_Q2_0};
    enum { TYPES = sizeof types / sizeof *types };
    input in = {data, data + size};
    vd_type from = types[take_between(&in, 0, TYPES - 1)];
    vd_type to = types[take_between(&in, 0, TYPES - 1)];
    int64_t N = take_between(&in, 1, N_MAX);
    int64_t K = SUPER * take_between(&in, 1, BLOCKS_MAX);
    int weighted = take_between(&in, 0, 1);
    check_arguments(&in);
    uint8_t *source = take_matrix(&in, (size_t)(N * vd_row_bytes(from, K)));
    float *importance = malloc((size_t)K * sizeof *importance);
    for (int64_t k = 0; k < K; k++) {
        importance[k] = (float)(source[k % (N * vd_row_bytes(from, K))]);
    }
    pack(from, N, K, source);
    encode(from, to, N, K, source, weighted ? importance : NULL);
    free(source);
    free(importance);
    return 0;
}

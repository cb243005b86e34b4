// pack: each code and factor of a file's blocks is in the packed bytes where vd_pack specifies.
// Codes and factors are all that a block contains, so that packing loses nothing.
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/codebooks.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/rng.h"
#include "support/weights.h"
#include "vidrio.h"

enum { GROUP = 16 };

enum { FLOAT_TYPES = 3, TYPES = WEIGHT_TYPES - FLOAT_TYPES };

static const vd_type *const types = weight_types + FLOAT_TYPES;

typedef struct shape {
    vd_type type;
    int64_t N, K;
    int low_bits, high_bits;
    int64_t factor_bytes;  // per block of a row
    int64_t groups;
    int64_t group_bytes;
} shape;

static shape shape_of(vd_type type, int64_t N, int64_t K) {
    shape s = {.type = type, .N = N, .K = K};
    s.low_bits = low_bits(type);
    s.high_bits = high_bits(type);
    int64_t block = block_elements(type);
    int has_bytes = is_codebook(type) || type == VD_IQ4_XS;  // a byte per sub-block
    int64_t scales = has_bytes ? block / sub_block_elements(type) : 0;
    int64_t code_bytes = block * (s.low_bits + s.high_bits) / 8;
    int expands = scales > 0 || type == VD_TQ1_0;  // into d and the scales
    s.factor_bytes = expands ? 2 + scales : weights_row_bytes(type, block) - code_bytes;
    s.groups = (N + GROUP - 1) / GROUP;
    s.group_bytes = (GROUP * K / block * (code_bytes + s.factor_bytes) + 63) / 64 * 64;
    return s;
}

// Returns the bits of column k in a plane: quad k/4 is in unit (k/4) mod bits, from bit
// bits * (k/4 div bits) on.
static int plane_field(const unsigned char *plane, int bits, int64_t n, int64_t k) {
    int64_t quad = k / 4;
    int byte = plane[quad % bits * 64 + n % GROUP * 4 + k % 4];
    return byte >> quad / bits * bits & ((1 << bits) - 1);
}

static int packed_code(const shape *s, const unsigned char *packed, int64_t n, int64_t k) {
    int64_t bits = s->low_bits + s->high_bits;
    const unsigned char *low = packed + n / GROUP * s->group_bytes + k / 32 * bits * 64;
    int code = plane_field(low, s->low_bits, n, k % 32);
    if (s->high_bits > 0) {
        const unsigned char *high = low + s->low_bits * 64;
        code |= plane_field(high, s->high_bits, n, k % 32) << s->low_bits;
    }
    return code;
}

// Returns the factors of the block of column k of 16 rows.
static const unsigned char *packed_factors(const shape *s, const unsigned char *packed, int64_t n,
                                           int64_t k) {
    int64_t quants = s->K / 32 * (s->low_bits + s->high_bits) * 64;
    return packed + n / GROUP * s->group_bytes + quants +
           k / block_elements(s->type) * GROUP * s->factor_bytes;
}

static int f16_of(const unsigned char *halves, int64_t n) {
    return halves[n % GROUP * 2] | halves[n % GROUP * 2 + 1] << 8;
}

static uint32_t word_of(const unsigned char *words, int64_t n) {
    const unsigned char *p = words + n % GROUP * 4;
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static int six_bits(const unsigned char *words, int64_t n, int64_t c) {
    uint32_t low = word_of(words + c / 8 * 64, n), high = word_of(words + 128, n);
    return (int)((low >> c % 8 * 4 & 15) | (high >> c * 2 & 3) << 4);
}

static void check_factors(const shape *s, const unsigned char *row, const unsigned char *packed,
                          int64_t n, int64_t k) {
    const unsigned char *factors = packed_factors(s, packed, n, k);
    if (s->type == VD_MXFP4) {
        CHECK(factors[n % GROUP] == weight_d(s->type, row, k));
        return;
    }
    CHECK(f16_of(factors, n) == weight_d(s->type, row, k));
    if (has_minima(s->type)) {
        CHECK(f16_of(factors + 32, n) == weight_dmin(s->type, row, k));
    }
    const unsigned char *codes = factors + (has_minima(s->type) ? 64 : 32);
    int64_t j = k % block_elements(s->type) / sub_block_elements(s->type);
    switch (s->type) {
        case VD_Q2_K: {
            int byte = codes[j * GROUP + n % GROUP];
            CHECK((byte & 15) == weight_scale_code(s->type, row, k));
            CHECK(byte >> 4 == weight_minimum_code(s->type, row, k));
            break;
        }
        case VD_Q6_K:
        case VD_IQ4_XS:
        case VD_IQ3_S:
        case VD_IQ3_XXS:
        case VD_IQ2_S:
        case VD_IQ2_XS:
        case VD_IQ2_XXS:
        case VD_IQ1_M:
        case VD_IQ1_S:
            CHECK(codes[j * GROUP + n % GROUP] ==
                  (n < s->N ? weight_scale_code(s->type, row, k) : 0));
            break;
        case VD_Q3_K:
            CHECK(six_bits(codes, n, j) == weight_scale_code(s->type, row, k));
            break;
        case VD_Q4_K:
        case VD_Q5_K:
            CHECK(six_bits(codes, n, j) == weight_scale_code(s->type, row, k));
            CHECK(six_bits(codes, n, 8 + j) == weight_minimum_code(s->type, row, k));
            break;
        default:
            break;
    }
}

static void check_rows(const shape *s, const unsigned char *source, const unsigned char *packed) {
    int64_t row_bytes = weights_row_bytes(s->type, s->K);
    unsigned char *zeros = calloc(1, (size_t)row_bytes);
    CHECK(zeros != NULL);
    for (int64_t n = 0; n < s->groups * GROUP; n++) {
        const unsigned char *row = n < s->N ? source + n * row_bytes : zeros;
        for (int64_t k = 0; k < s->K; k++) {
            CHECK(packed_code(s, packed, n, k) == weight_code(s->type, row, k));
        }
        for (int64_t k = 0; k < s->K; k += sub_block_elements(s->type)) {
            check_factors(s, row, packed, n, k);
        }
    }
    free(zeros);
}

static void check_shape(rng *r, vd_pool *pool, vd_type type, int64_t N, int64_t K,
                        placement where) {
    describe("pack %s, N %lld, K %lld", type_name(type), (long long)N, (long long)K);
    shape s = shape_of(type, N, K);
    int64_t bytes = -1;
    CHECK(vd_packed_bytes(type, N, K, &bytes) == VD_OK && bytes == s.groups * s.group_bytes);
    unsigned char *source = guarded_alloc((size_t)(N * weights_row_bytes(type, K)), where);
    random_weights(r, type, WEIGHTS_ANY_BITS, N, K, source);
    unsigned char *whole = guarded_alloc((size_t)bytes, where);
    CHECK(vd_pack(NULL, type, N, K, source, whole, 0, s.groups) == VD_OK);
    check_rows(&s, source, whole);

    unsigned char *parts = guarded_alloc((size_t)bytes, where);
    for (int64_t end = s.groups; end > 0;) {
        int64_t begin = rng_below(r, end);
        CHECK(vd_pack(NULL, type, N, K, source, parts, begin, end) == VD_OK);
        untouched("groups before the range", parts, begin * s.group_bytes);
        end = begin;
    }
    same_bytes("packed in parts", whole, parts, bytes);

    unsigned char *shared = guarded_alloc((size_t)bytes, where);
    CHECK(vd_pack(pool, type, N, K, source, shared, 0, s.groups) == VD_OK);
    same_bytes("packed by three workers", whole, shared, bytes);
    CHECK(vd_pack(NULL, type, N, K, source, parts, 0, 0) == VD_OK);
    guarded_free_all();
}

static void rejects_invalid_arguments(void) {
    describe("pack, arguments");
    int64_t bytes;
    char memory[64];
    CHECK(vd_packed_bytes(VD_Q8_0, 1, 32, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_packed_bytes(VD_F32, 1, 32, &bytes) == VD_UNSUPPORTED);
    CHECK(vd_packed_bytes(VD_F16, 1, 32, &bytes) == VD_UNSUPPORTED);
    CHECK(vd_packed_bytes(VD_BF16, 1, 32, &bytes) == VD_UNSUPPORTED);
    for (size_t t = 0; t < TYPES; t++) {
        static const int64_t bad[][2] = {{0, 32},         {-1, 32},       {1, 0},
                                         {1, -32},        {1, 31},        {1, 33},
                                         {1LL << 31, 32}, {1, 1LL << 31}, {1, INT64_MAX - 31}};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            int64_t N = bad[i][0], K = bad[i][1];
            CHECK(vd_packed_bytes(types[t], N, K, &bytes) == VD_INVALID_ARGUMENT);
            CHECK(vd_pack(NULL, types[t], N, K, memory, memory, 0, 0) == VD_INVALID_ARGUMENT);
        }
        int64_t K = block_elements(types[t]);
        CHECK(vd_packed_bytes(types[t], 17, K / 2, &bytes) == VD_INVALID_ARGUMENT);
        CHECK(vd_pack(NULL, types[t], 17, K, NULL, memory, 0, 1) == VD_INVALID_ARGUMENT);
        CHECK(vd_pack(NULL, types[t], 17, K, memory, NULL, 0, 1) == VD_INVALID_ARGUMENT);
        CHECK(vd_pack(NULL, types[t], 17, K, memory, memory, -1, 1) == VD_INVALID_ARGUMENT);
        CHECK(vd_pack(NULL, types[t], 17, K, memory, memory, 1, 0) == VD_INVALID_ARGUMENT);
        CHECK(vd_pack(NULL, types[t], 17, K, memory, memory, 0, 3) == VD_INVALID_ARGUMENT);
    }
    CHECK(vd_pack(NULL, VD_F16, 17, 32, memory, memory, 0, 1) == VD_INVALID_ARGUMENT);
}

int main(void) {
    describe_faults();
    rng r = {6};
    vd_pool *pool;
    CHECK(vd_pool_create(3, &pool) == VD_OK);
    for (size_t t = 0; t < TYPES; t++) {
        for (int64_t N = 1; N <= 50; N++) {
            int64_t block = block_elements(types[t]);
            for (int64_t K = block; K <= 32 * 9 || K <= 2 * block; K += block) {
                check_shape(&r, pool, types[t], N, K, (placement)(N % PLACEMENTS));
            }
        }
    }
    check_shape(&r, pool, VD_Q8_0, 645, 3200, AT_END);  // many tasks
    vd_pool_free(pool);
    rejects_invalid_arguments();
    return 0;
}

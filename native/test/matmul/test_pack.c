// pack: an unpacking written from the layout's description gives back the file's bits.
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/rng.h"
#include "support/weights.h"
#include "vidrio.h"

enum { GROUP = 16 };

static const vd_type types[] = {VD_Q4_0, VD_Q4_1, VD_Q8_0};

typedef struct shape {
    vd_type type;
    int64_t N, K;
    int64_t halves;  // factors of a block
    int64_t quants;  // bytes of quants of a block
    int64_t groups;
    int64_t group_bytes;
} shape;

static shape shape_of(vd_type type, int64_t N, int64_t K) {
    shape s = {.type = type, .N = N, .K = K};
    s.halves = type == VD_Q4_1 ? 2 : 1;
    s.quants = type == VD_Q8_0 ? 32 : 16;
    s.groups = (N + GROUP - 1) / GROUP;
    s.group_bytes = (K / 32 * GROUP * (2 * s.halves + s.quants) + 63) / 64 * 64;
    return s;
}

// Byte i of the quants of block b in row n: units of 16 rows x 4 bytes.
static int64_t quant_offset(const shape *s, int64_t n, int64_t b, int64_t i) {
    int64_t unit = b * (s->quants / 4) + i / 4;
    return n / GROUP * s->group_bytes + (unit * GROUP + n % GROUP) * 4 + i % 4;
}

// Factor h of block b in row n: behind all quants, 16 halves at a time.
static int64_t factor_offset(const shape *s, int64_t n, int64_t b, int64_t h) {
    int64_t quants = s->K / 32 * GROUP * s->quants;
    return n / GROUP * s->group_bytes + quants + ((b * s->halves + h) * GROUP + n % GROUP) * 2;
}

static void unpack_row(const shape *s, const unsigned char *packed, int64_t n, unsigned char *row) {
    for (int64_t b = 0; b < s->K / 32; b++) {
        for (int64_t h = 0; h < s->halves; h++, row += 2) {
            memcpy(row, packed + factor_offset(s, n, b, h), 2);
        }
        for (int64_t i = 0; i < s->quants; i++) {
            *row++ = packed[quant_offset(s, n, b, i)];
        }
    }
}

static void check_rows(const shape *s, const unsigned char *source, const unsigned char *packed) {
    int64_t row_bytes = weights_row_bytes(s->type, s->K);
    unsigned char *row = malloc((size_t)row_bytes), *zeros = calloc(1, (size_t)row_bytes);
    CHECK(row != NULL && zeros != NULL);
    for (int64_t n = 0; n < s->groups * GROUP; n++) {
        unpack_row(s, packed, n, row);
        same_bytes(n < s->N ? "row" : "padding", n < s->N ? source + n * row_bytes : zeros, row,
                   row_bytes);
    }
    free(row);
    free(zeros);
}

static void check_shape(rng *r, vd_type type, int64_t N, int64_t K, placement where) {
    describe("pack %s, N %lld, K %lld", type_name(type), (long long)N, (long long)K);
    shape s = shape_of(type, N, K);
    int64_t bytes = -1;
    CHECK(vd_packed_bytes(type, N, K, &bytes) == VD_OK && bytes == s.groups * s.group_bytes);
    unsigned char *source = guarded_alloc((size_t)(N * weights_row_bytes(type, K)), where);
    random_weights(r, type, WEIGHTS_ANY_BITS, N, K, source);
    unsigned char *whole = guarded_alloc((size_t)bytes, where);
    CHECK(vd_pack(type, N, K, source, whole, 0, s.groups) == VD_OK);
    check_rows(&s, source, whole);

    unsigned char *parts = guarded_alloc((size_t)bytes, where);
    for (int64_t end = s.groups; end > 0;) {
        int64_t begin = rng_below(r, end);
        CHECK(vd_pack(type, N, K, source, parts, begin, end) == VD_OK);
        untouched("groups before the range", parts, begin * s.group_bytes);
        end = begin;
    }
    same_bytes("packed in parts", whole, parts, bytes);
    CHECK(vd_pack(type, N, K, source, parts, 0, 0) == VD_OK);
    guarded_free_all();
}

static void check_errors(void) {
    describe("pack, arguments");
    int64_t bytes;
    char memory[64];
    CHECK(vd_packed_bytes(VD_Q8_0, 1, 32, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_packed_bytes(VD_F32, 1, 32, &bytes) == VD_UNSUPPORTED);
    CHECK(vd_packed_bytes(VD_F16, 1, 32, &bytes) == VD_UNSUPPORTED);
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        static const int64_t bad[][2] = {{0, 32},         {-1, 32},       {1, 0},
                                         {1, -32},        {1, 31},        {1, 33},
                                         {1LL << 31, 32}, {1, 1LL << 31}, {1, INT64_MAX - 31}};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            int64_t N = bad[i][0], K = bad[i][1];
            CHECK(vd_packed_bytes(types[t], N, K, &bytes) == VD_INVALID_ARGUMENT);
            CHECK(vd_pack(types[t], N, K, memory, memory, 0, 0) == VD_INVALID_ARGUMENT);
        }
        CHECK(vd_pack(types[t], 17, 32, NULL, memory, 0, 1) == VD_INVALID_ARGUMENT);
        CHECK(vd_pack(types[t], 17, 32, memory, NULL, 0, 1) == VD_INVALID_ARGUMENT);
        CHECK(vd_pack(types[t], 17, 32, memory, memory, -1, 1) == VD_INVALID_ARGUMENT);
        CHECK(vd_pack(types[t], 17, 32, memory, memory, 1, 0) == VD_INVALID_ARGUMENT);
        CHECK(vd_pack(types[t], 17, 32, memory, memory, 0, 3) == VD_INVALID_ARGUMENT);
    }
    CHECK(vd_pack(VD_F16, 17, 32, memory, memory, 0, 1) == VD_INVALID_ARGUMENT);
}

int main(void) {
    describe_faults();
    rng r = {6};
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        for (int64_t N = 1; N <= 50; N++) {
            for (int64_t K = 32; K <= 32 * 9; K += 32) {
                check_shape(&r, types[t], N, K, (placement)(N % PLACEMENTS));
            }
        }
    }
    check_errors();
    return 0;
}

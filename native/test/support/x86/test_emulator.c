// The emulator: each instruction yields the same bits in software as on the processor, for operands
// in registers and in memory. UD2 before an instruction forces emulation; an instruction that the
// processor lacks is emulated both times, which shows that its trap works.
#include "support/x86/emulator.h"

#include <stddef.h>
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/isas.h"
#include "support/rng.h"
#include "support/x86/tiles.h"
#include "support/x86/vectors.h"

enum { ROUNDS = 200 };

#define FORCED "ud2\n\t"

// Finite values with products that neither overflow nor underflow, and denormals.
static uint16_t random_bf16(rng *r) {
    uint64_t exponent = rng_below(r, 16) == 0 ? 0 : (uint64_t)rng_between(r, 70, 180);
    return (uint16_t)((rng_next(r) & 0x807f) | exponent << 7);
}

static void fill_bf16(rng *r, uint8_t *p, size_t bytes) {
    for (size_t i = 0; i < bytes; i += 2) {
        uint16_t value = random_bf16(r);
        memcpy(p + i, &value, 2);
    }
}

static void fill_bytes(rng *r, uint8_t *p, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        p[i] = (uint8_t)rng_next(r);
    }
}

// ---- vectors -----------------------------------------------------------------------------------

typedef struct operands {
    uint8_t y[VECTOR_BYTES_MAX], a[VECTOR_BYTES_MAX], b[VECTOR_BYTES_MAX];
} operands;

static operands random_operands;  // with a fixed address, which instructions reach relative to RIP

typedef void vector_function(operands *o);

// Defines a function that loads the operands into vector registers, runs an instruction on them and
// stores y.
#define VECTOR_FUNCTION(name, features, move, kind, Y, A, B, instruction)                         \
    __attribute__((target(features))) static void name(operands *o) {                             \
        __asm__ volatile(move " (%[o]), %%" kind #Y "\n\t" move " 64(%[o]), %%" kind #A           \
                              "\n\t" move " 128(%[o]), %%" kind #B "\n\t" instruction "\n\t" move \
                              " %%" kind #Y ", (%[o])\n\tvzeroupper"                              \
                         :                                                                        \
                         : [o] "r"(o), [index] "r"((int64_t)8), [fixed] "m"(random_operands.b)    \
                         : "memory", "xmm" #Y, "xmm" #A, "xmm" #B);                               \
    }
#define VECTOR_FUNCTIONS(name, features, move, kind, Y, A, B, instruction) \
    VECTOR_FUNCTION(name, features, move, kind, Y, A, B, instruction)      \
    VECTOR_FUNCTION(name##_forced, features, move, kind, Y, A, B, FORCED instruction)

#define AVX512 "avx512f,avx512bw,avx512vl,avx512vnni,avx512bf16", "vmovdqu64", "zmm"
#define AVX2 "avx2,avxvnni", "vmovdqu", "ymm"
#define EXPAND(macro, ...) macro(__VA_ARGS__)
#define FUNCTIONS(name, set, ...) EXPAND(VECTOR_FUNCTIONS, name, set, __VA_ARGS__)

FUNCTIONS(vex_xmm, AVX2, 1, 2, 3, "%{vex%} vpdpbusd %%xmm3, %%xmm2, %%xmm1")
FUNCTIONS(vex_ymm, AVX2, 15, 8, 12, "%{vex%} vpdpbusd %%ymm12, %%ymm8, %%ymm15")
FUNCTIONS(vex_memory, AVX2, 4, 9, 5, "%{vex%} vpdpbusd 96(%[o],%[index],4), %%ymm9, %%ymm4")
FUNCTIONS(vex_fixed, AVX2, 4, 9, 5, "%{vex%} vpdpbusd %[fixed], %%ymm9, %%ymm4")
FUNCTIONS(evex_xmm, AVX512, 1, 18, 3, "vpdpbusd %%xmm3, %%xmm18, %%xmm1")
FUNCTIONS(evex_ymm, AVX512, 16, 2, 31, "vpdpbusd %%ymm31, %%ymm2, %%ymm16")
FUNCTIONS(evex_zmm, AVX512, 25, 30, 9, "vpdpbusd %%zmm9, %%zmm30, %%zmm25")
FUNCTIONS(evex_memory, AVX512, 7, 20, 21, "vpdpbusd 128(%[o]), %%zmm20, %%zmm7")
FUNCTIONS(evex_index, AVX512, 7, 20, 21, "vpdpbusd 96(%[o],%[index],4), %%zmm20, %%zmm7")
FUNCTIONS(evex_broadcast, AVX512, 17, 6, 8, "vpdpbusd 148(%[o])%{1to16%}, %%zmm6, %%zmm17")
FUNCTIONS(evex_fixed, AVX512, 17, 6, 8, "vpdpbusd %[fixed], %%zmm6, %%zmm17")
FUNCTIONS(bf16_xmm, AVX512, 4, 5, 6, "vdpbf16ps %%xmm6, %%xmm5, %%xmm4")
FUNCTIONS(bf16_zmm, AVX512, 10, 26, 22, "vdpbf16ps %%zmm22, %%zmm26, %%zmm10")
FUNCTIONS(bf16_broadcast, AVX512, 29, 11, 3, "vdpbf16ps 132(%[o])%{1to16%}, %%zmm11, %%zmm29")
FUNCTIONS(round_zmm, AVX512, 13, 27, 19, "vcvtne2ps2bf16 %%zmm19, %%zmm27, %%zmm13")
FUNCTIONS(round_ymm, AVX512, 13, 14, 15, "vcvtne2ps2bf16 %%ymm15, %%ymm14, %%ymm13")
FUNCTIONS(round_memory, AVX512, 23, 24, 28, "vcvtne2ps2bf16 128(%[o]), %%zmm24, %%zmm23")

typedef struct vector_form {
    const char *name;
    vd_isa isa;
    vector_function *run, *run_forced;
    void (*fill)(rng *r, uint8_t *p, size_t bytes);
} vector_form;

#define FORM(name, isa, fill) {#name, isa, name, name##_forced, fill}

static const vector_form vector_forms[] = {
    FORM(vex_xmm, VD_ISA_AVX_VNNI, fill_bytes),
    FORM(vex_ymm, VD_ISA_AVX_VNNI, fill_bytes),
    FORM(vex_memory, VD_ISA_AVX_VNNI, fill_bytes),
    FORM(vex_fixed, VD_ISA_AVX_VNNI, fill_bytes),
    FORM(evex_xmm, VD_ISA_AVX512_VNNI, fill_bytes),
    FORM(evex_ymm, VD_ISA_AVX512_VNNI, fill_bytes),
    FORM(evex_zmm, VD_ISA_AVX512_VNNI, fill_bytes),
    FORM(evex_memory, VD_ISA_AVX512_VNNI, fill_bytes),
    FORM(evex_index, VD_ISA_AVX512_VNNI, fill_bytes),
    FORM(evex_broadcast, VD_ISA_AVX512_VNNI, fill_bytes),
    FORM(evex_fixed, VD_ISA_AVX512_VNNI, fill_bytes),
    FORM(bf16_xmm, VD_ISA_AVX512_BF16, fill_bf16),
    FORM(bf16_zmm, VD_ISA_AVX512_BF16, fill_bf16),
    FORM(bf16_broadcast, VD_ISA_AVX512_BF16, fill_bf16),
    FORM(round_zmm, VD_ISA_AVX512_BF16, fill_bytes),
    FORM(round_ymm, VD_ISA_AVX512_BF16, fill_bytes),
    FORM(round_memory, VD_ISA_AVX512_BF16, fill_bytes),
};

static void emulates_vector_instructions(rng *r) {
    for (size_t f = 0; f < sizeof vector_forms / sizeof vector_forms[0]; f++) {
        const vector_form *form = &vector_forms[f];
        int changes = 0;
        for (int round = 0; round < ROUNDS && isa_runs(form->isa); round++) {
            describe("%s, round %d", form->name, round);
            form->fill(r, (uint8_t *)&random_operands, sizeof random_operands);
            operands expected = random_operands, actual = random_operands;
            form->run(&expected);
            form->run_forced(&actual);
            same_bytes("operands", &expected, &actual, sizeof expected);
            changes += memcmp(&actual, &random_operands, sizeof actual) != 0;
        }
        CHECK(!isa_runs(form->isa) || changes > ROUNDS / 2);
    }
}

// ---- tiles -------------------------------------------------------------------------------------

enum { M = 5, N = 9, K = 7 };  // C is M x N of four bytes, A M x K, B K x N

typedef struct tile_operands {
    tile_config config;
    uint8_t c[M][4 * N], a[M][4 * K + 12], b[K][4 * N + 4];
    uint8_t zeros[M][4 * N];
} tile_operands;

typedef void tile_function(tile_operands *o);

// Defines a function that multiplies the tiles, each of its instructions after `prefix`.
#define TILE_FUNCTION(name, prefix, product)                                                     \
    __attribute__((target("amx-tile,amx-int8,amx-bf16"))) static void name(tile_operands *o) {   \
        __asm__ volatile(                                                                        \
            prefix                                                                               \
            "ldtilecfg %[config]\n\t" prefix "tileloadd (%[c],%[c_stride],1), %%tmm2\n\t" prefix \
            "tileloadd (%[a],%[a_stride],1), %%tmm5\n\t" prefix                                  \
            "tileloaddt1 (%[b],%[b_stride],1), %%tmm7\n\t" prefix product                        \
            " %%tmm7, %%tmm5, %%tmm2\n\t" prefix                                                 \
            "tilestored %%tmm2, (%[c],%[c_stride],1)\n\t" prefix "tilezero %%tmm2\n\t" prefix    \
            "tilestored %%tmm2, (%[zeros],%[c_stride],1)\n\t" prefix "tilerelease"               \
            :                                                                                    \
            : [config] "m"(o->config), [c] "r"(o->c), [a] "r"(o->a), [b] "r"(o->b),              \
              [zeros] "r"(o->zeros), [c_stride] "r"((int64_t)sizeof o->c[0]),                    \
              [a_stride] "r"((int64_t)sizeof o->a[0]), [b_stride] "r"((int64_t)sizeof o->b[0])   \
            : "memory");                                                                         \
    }
#define TILE_FUNCTIONS(product)          \
    TILE_FUNCTION(product, "", #product) \
    TILE_FUNCTION(product##_forced, FORCED, #product)

TILE_FUNCTIONS(tdpbssd)
TILE_FUNCTIONS(tdpbsud)
TILE_FUNCTIONS(tdpbusd)
TILE_FUNCTIONS(tdpbuud)
TILE_FUNCTIONS(tdpbf16ps)

typedef struct tile_form {
    const char *name;
    vd_isa isa;
    tile_function *run, *run_forced;
    void (*fill)(rng *r, uint8_t *p, size_t bytes);
} tile_form;

static const tile_form tile_forms[] = {
    FORM(tdpbssd, VD_ISA_AMX_INT8, fill_bytes),  FORM(tdpbsud, VD_ISA_AMX_INT8, fill_bytes),
    FORM(tdpbusd, VD_ISA_AMX_INT8, fill_bytes),  FORM(tdpbuud, VD_ISA_AMX_INT8, fill_bytes),
    FORM(tdpbf16ps, VD_ISA_AMX_BF16, fill_bf16),
};

static void emulates_tile_instructions(rng *r) {
    for (size_t f = 0; f < sizeof tile_forms / sizeof tile_forms[0]; f++) {
        const tile_form *form = &tile_forms[f];
        for (int round = 0; round < ROUNDS && isa_runs(form->isa); round++) {
            describe("%s, round %d", form->name, round);
            tile_operands expected;
            form->fill(r, (uint8_t *)&expected, sizeof expected);
            expected.config = (tile_config){.palette = 1};
            expected.config.rows[2] = expected.config.rows[5] = M;
            expected.config.rows[7] = K;
            expected.config.row_bytes[2] = expected.config.row_bytes[7] = 4 * N;
            expected.config.row_bytes[5] = 4 * K;
            tile_operands before = expected, actual = expected;
            form->run(&expected);
            form->run_forced(&actual);
            same_bytes("operands", &expected, &actual, sizeof expected);
            CHECK(memcmp(before.c, actual.c, sizeof actual.c) != 0);
            CHECK(held_tiles() == 0);
        }
    }
}

int main(void) {
    test_begin_emulated("emulator", VD_ISA_COUNT - 1);
    rng r = {7};
    emulates_vector_instructions(&r);
    emulates_tile_instructions(&r);
    return 0;
}

// The tiles of AMX: eight registers of 16 rows x 64 bytes. A product C += A * B takes A as 16 rows
// of K bytes and B as K/4 rows of 16 columns x 4 bytes, which is the layout of packed weights.
//
// The instructions are inline assembly, since compilers' intrinsics disagree on their operands in
// memory: GCC's ldtilecfg declares 8 of its 64 bytes, its tileloadd no memory at all. Tile numbers
// are encoded in instructions, so each function selects one of eight. A kernel configures the tiles
// when it starts and releases them at its end, so that context switches of other work carry no tile
// state.
#ifndef VD_SIMD_AMX_H
#define VD_SIMD_AMX_H

#include <stdint.h>

#include "core/arch.h"

// The operand of ldtilecfg. Palette 1 has tiles.
typedef struct amx_config {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} amx_config;

VD_INLINE void amx_configure(const amx_config *config) {
    __asm__ volatile("ldtilecfg %0" : : "m"(*config));
}

VD_INLINE void amx_release(void) { __asm__ volatile("tilerelease" : : : "memory"); }

#define AMX_EACH_TILE(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)

VD_INLINE void amx_zero(const int tile) {
    switch (tile) {
#define AMX_ZERO(t)                               \
    case t:                                       \
        __asm__ volatile("tilezero %%tmm" #t ::); \
        break;
        AMX_EACH_TILE(AMX_ZERO)
#undef AMX_ZERO
    }
}

VD_INLINE void amx_load(const int tile, const void *rows, int64_t stride) {
    switch (tile) {
#define AMX_LOAD(t)                                                                              \
    case t:                                                                                      \
        __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #t : : "r"(rows), "r"(stride) : "memory"); \
        break;
        AMX_EACH_TILE(AMX_LOAD)
#undef AMX_LOAD
    }
}

// Loads a tile that is not read again soon, so that the L1 cache keeps other data.
VD_INLINE void amx_load_once(const int tile, const void *rows, int64_t stride) {
    switch (tile) {
#define AMX_LOAD_ONCE(t)                                                                           \
    case t:                                                                                        \
        __asm__ volatile("tileloaddt1 (%0,%1,1), %%tmm" #t : : "r"(rows), "r"(stride) : "memory"); \
        break;
        AMX_EACH_TILE(AMX_LOAD_ONCE)
#undef AMX_LOAD_ONCE
    }
}

VD_INLINE void amx_store(const int tile, void *rows, int64_t stride) {
    switch (tile) {
#define AMX_STORE(t)                                         \
    case t:                                                  \
        __asm__ volatile("tilestored %%tmm" #t ", (%0,%1,1)" \
                         :                                   \
                         : "r"(rows), "r"(stride)            \
                         : "memory");                        \
        break;
        AMX_EACH_TILE(AMX_STORE)
#undef AMX_STORE
    }
}

// Computes C += A * B in signed bytes, for the pairings that kernels use: C in tiles 0 to 3, A in 4
// (even C) or 5, and B in 6 (even C) or 7.
VD_INLINE void amx_dot_signed(const int c) {
    switch (c) {
        case 0:
            __asm__ volatile("tdpbssd %%tmm6, %%tmm4, %%tmm0" ::);
            break;
        case 1:
            __asm__ volatile("tdpbssd %%tmm7, %%tmm5, %%tmm1" ::);
            break;
        case 2:
            __asm__ volatile("tdpbssd %%tmm6, %%tmm4, %%tmm2" ::);
            break;
        case 3:
            __asm__ volatile("tdpbssd %%tmm7, %%tmm5, %%tmm3" ::);
            break;
    }
}

// Computes C += A * B in pairs of bf16, for two by two tiles of sums: C in tiles 0 to 3, A in 4
// (for 0 and 1) or 5, and B in 6 (for 0 and 2) or 7.
VD_INLINE void amx_dot_bf16(const int c) {
    switch (c) {
        case 0:
            __asm__ volatile("tdpbf16ps %%tmm6, %%tmm4, %%tmm0" ::);
            break;
        case 1:
            __asm__ volatile("tdpbf16ps %%tmm7, %%tmm4, %%tmm1" ::);
            break;
        case 2:
            __asm__ volatile("tdpbf16ps %%tmm6, %%tmm5, %%tmm2" ::);
            break;
        case 3:
            __asm__ volatile("tdpbf16ps %%tmm7, %%tmm5, %%tmm3" ::);
            break;
    }
}

#endif

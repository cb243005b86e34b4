// Fast matmul for AMX-BF16: two by two tiles of 16 tokens x 16 outputs over a panel. The scale is
// part of a weight's bf16 value, so that nothing is folded between products, as AMX-INT8 must do
// for equal bits (docs/adr/007-amx.md): a product of 32 columns occupies the tile unit for 16
// cycles and no other unit.
#include "simd/v16_avx512.h"
// The vector types and the tile size come first: the panels use them.
enum { TILE_TOKENS = 32 };
#include "matmul/bf16_panels.h"
#include "simd/amx.h"

static const amx_config tiles = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

static void add_products(bf16_panels *p, int64_t m, int64_t columns) {
    const int64_t token_bytes = sizeof p->tokens[0], sum_bytes = sizeof p->sums[0];
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        amx_zero(c);
    }
    for (int64_t k = 0; k < columns; k += VD_BLOCK) {
        amx_load(4, p->tokens[m] + k, token_bytes);
        amx_load(6, p->weights[0][k / 2], VD_UNIT_BYTES);
        amx_dot_bf16(0);
        amx_load(7, p->weights[1][k / 2], VD_UNIT_BYTES);
        amx_dot_bf16(1);
        amx_load(5, p->tokens[m + 16] + k, token_bytes);
        amx_dot_bf16(2);
        amx_dot_bf16(3);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        amx_store(c, p->sums[c / 2 * 16][c % 2], sum_bytes);
    }
}

// The products come first: the loops below use them.
#include "matmul/matmul_fast.h"

VD_INLINE void product(const int type, const vd_matmul *op, vd_range rows, vd_range outputs,
                       void *scratch) {
    amx_configure(&tiles);
    multiply_panels(type, op, rows, outputs, scratch);
    amx_release();
}

#define VD_KERNEL(TYPE, name)                                                                   \
    void vd_matmul_fast_##name##_amx_bf16(const vd_matmul *op, vd_range rows, vd_range outputs, \
                                          void *scratch) {                                      \
        product(VD_##TYPE, op, rows, outputs, scratch);                                         \
    }
VD_KERNEL(F16, f16)
VD_KERNEL(BF16, bf16)
#define VD_BLOCK_TYPE(TYPE, name, ...) VD_KERNEL(TYPE, name)
#include "types/types.inc"

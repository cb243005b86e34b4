// Matmul in bf16 for AMX-BF16, whose product of tiles is the sum that docs/numerics.md defines: a
// chain over the even and one over the odd of 32 columns. Sums stay in two by two tiles of 16
// tokens x 16 outputs over a panel of 512 columns, and are then kept in y. Panels of tokens and
// outputs stay in the caches of the second and the first level.
//
// Up to 16 tokens are multiplied by the kernel of AVX-512 BF16, since conversion would take longer
// than the products save.
#include "simd/v16_avx512.h"
// The vector types come first: the loaders of blocks use them.
enum { COLUMNS = 512, GROUPS = 2, TILE_TOKENS = 32, FEW_TOKENS = 16 };
#define PAIR_LOW(i) (2 * (i))
#define PAIR_HIGH(i) (2 * (i) + 1)
#include "matmul/bf16_pairs.h"
#include "simd/amx.h"

static const amx_config tiles = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

// Adds the products of 32 tokens with the panel's outputs to sums in memory, or sets the sums if
// they are the first. `stride` is the distance of tokens in sums, in bytes.
static void multiply_tiles(const panels *p, const uint16_t *x, int64_t token_bytes, int64_t columns,
                           float *sums, int64_t stride, int first) {
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        if (first) {
            amx_zero(c);
        } else {
            amx_load(c, (const char *)sums + c / 2 * 16 * stride + c % 2 * 64, stride);
        }
    }
    for (int64_t k = 0; k < columns; k += VD_BLOCK) {
        amx_load(4, x + k, token_bytes);
        amx_load(6, p->weights[0][k / 2], VD_UNIT_BYTES);
        amx_dot_bf16(0);
        amx_load(7, p->weights[1][k / 2], VD_UNIT_BYTES);
        amx_dot_bf16(1);
        amx_load(5, (const char *)(x + k) + 16 * token_bytes, token_bytes);
        amx_dot_bf16(2);
        amx_dot_bf16(3);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        amx_store(c, (char *)sums + c / 2 * 16 * stride + c % 2 * 64, stride);
    }
}

// Copies sums that exist to or from y.
static void copy_sums(panels *p, const vd_matmul *op, vd_range rows, vd_range outputs, int to_y) {
    for (int g = 0; g < GROUPS && outputs.begin + g * VD_PACK_ROWS < outputs.end; g++) {
        int64_t n = outputs.begin + g * VD_PACK_ROWS, left = outputs.end - n;
        for (int64_t m = rows.begin; m < rows.end; m++) {
            float *y = op->y + m * op->N + n, *sums = p->sums[m - rows.begin][g];
            if (to_y) {
                f32x16_store_up_to(y, f32x16_load(sums), left);
            } else {
                f32x16_store(sums, f32x16_load_up_to(y, left));
            }
        }
    }
}

// Tiles of sums are those of y if all their outputs exist.
static void multiply_panel(const vd_matmul *op, const tokens *t, vd_range rows, vd_range outputs,
                           int64_t k, int64_t first, int64_t columns, panels *p) {
    const int64_t token_bytes = t->stride * 2;
    int sets = k + first == 0;
    for (int64_t m = rows.begin; m < rows.end; m += TILE_TOKENS) {
        vd_range tile = {m, vd_min(m + TILE_TOKENS, rows.end)};
        const uint16_t *x = t->x + (m - rows.begin) * t->stride + first;
        if (tile.end - m == TILE_TOKENS && outputs.end - outputs.begin >= WIDTH) {
            float *y = op->y + m * op->N + outputs.begin;
            multiply_tiles(p, x, token_bytes, columns, y, op->N * 4, sets);
            continue;
        }
        if (!sets) {
            copy_sums(p, op, tile, outputs, 0);
        }
        multiply_tiles(p, x, token_bytes, columns, p->sums[0][0], sizeof p->sums[0], sets);
        copy_sums(p, op, tile, outputs, 1);
    }
}

VD_INLINE void product(const int type, const vd_matmul *op, vd_range rows, vd_range units,
                       panels *p) {
    amx_configure(&tiles);
    multiply_all(type, op, rows, units, p);
    amx_release();
}

#define VD_KERNEL(TYPE, name)                                                                 \
    void vd_matmul_bf16_##name##_amx_bf16(const vd_matmul *op, vd_range rows, vd_range units, \
                                          void *memory) {                                     \
        if (rows.end - rows.begin <= FEW_TOKENS) {                                            \
            vd_matmul_bf16_##name##_avx512_bf16(op, rows, units, memory);                     \
            return;                                                                           \
        }                                                                                     \
        product(VD_##TYPE, op, rows, units, memory);                                          \
    }
#define VD_FLOAT_TYPE(TYPE, name, bytes) VD_KERNEL(TYPE, name)
#define VD_BLOCK_TYPE(TYPE, name, ...) VD_KERNEL(TYPE, name)
#include "types/types.inc"

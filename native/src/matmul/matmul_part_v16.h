// Parts of quantized products over 16 lanes, which are 16 outputs (matmul_part.h). The arithmetic
// is that of matmul_tile_v16.h for one token and one group.
#include <string.h>

#include "matmul/matmul_part.h"
#include "matmul/matmul_tile_v16.h"
#include "simd/prefetch.h"

enum { AHEAD = 4 << 10 };  // bytes; a part is too short for a longer distance

// Computes 32 columns, starting with sub-block j of the weights' block.
VD_INLINE void part_columns(const int type, const vd_part part, const uint8_t *columns,
                            const uint8_t *factors, int j, const vd_activations_at *x,
                            int32_t *integers, vd_sums acc) {
    const vd_block_layout layout = vd_block_layout_of(type);
    for (int s = 0; s < VD_BLOCK / layout.sub_block; s++) {
        vd_int_sums sum;
        if (part != VD_PART_ADD) {
            vd_multiply_sub_block(type, 1, 1, &columns, s, x, sum);
        }
        if (part == VD_PART_MULTIPLY) {
            memcpy(integers + s * VD_PACK_ROWS, &sum[0][0], sizeof sum[0][0]);
            continue;
        }
        if (part == VD_PART_ADD) {
            memcpy(&sum[0][0], integers + s * VD_PACK_ROWS, sizeof sum[0][0]);
        }
        f32x16 minimum = layout.minima ? vd_minima(type, factors, j + s) : f32x16_zero();
        vd_add_sub_block(type, 1, 0, vd_scales(type, factors, j + s), minimum, s, x, sum, acc);
    }
}

VD_INLINE void part_of(const int type, const vd_part part, const vd_matmul *op, int64_t m,
                       int64_t g, vd_range k, int32_t *integers) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const uint8_t *group = (const uint8_t *)op->weights + g * vd_packed_group_bytes(type, op->K);
    const uint8_t *columns = group + k.begin / VD_BLOCK * VD_UNIT_BYTES * vd_code_bits(type);
    const uint8_t *factors = group + vd_packed_factors(type, op->K) +
                             k.begin / layout.elements * VD_PACK_ROWS * layout.factor_bytes;
    const vd_range groups = {g, g + 1};
    vd_activations_at x = vd_activations(&op->xq, op->K, m, k.begin);
    vd_sums acc;
    if (part != VD_PART_MULTIPLY) {
        vd_begin_sums(1, 1, op, m, groups, part == VD_PART_ADD, acc);
    }
    for (int64_t at = k.begin; at < k.end; at += layout.elements) {
        for (int j = 0; j < layout.elements / layout.sub_block; j += VD_BLOCK / layout.sub_block) {
            if (part != VD_PART_ADD) {
                vd_prefetch(columns + AHEAD, VD_UNIT_BYTES * vd_code_bits(type));
            }
            part_columns(type, part, columns, factors, j, &x, integers, acc);
            columns += VD_UNIT_BYTES * vd_code_bits(type);
            integers += VD_BLOCK / layout.sub_block * VD_PACK_ROWS;
            vd_next_activations(&x);
        }
        factors += VD_PACK_ROWS * layout.factor_bytes;
    }
    if (part != VD_PART_MULTIPLY) {
        vd_store_sums(1, 1, op, m, groups, acc);
    }
}

VD_INLINE void part_of_type(const int type, const vd_matmul *op, int64_t m, int64_t g, vd_range k,
                            vd_part part, int32_t *integers) {
    switch (part) {
        case VD_PART_FIRST:
            part_of(type, VD_PART_FIRST, op, m, g, k, integers);
            break;
        case VD_PART_MULTIPLY:
            part_of(type, VD_PART_MULTIPLY, op, m, g, k, integers);
            break;
        case VD_PART_ADD:
            part_of(type, VD_PART_ADD, op, m, g, k, integers);
            break;
    }
}

void VD_NAME(vd_matmul_part)(const vd_matmul *op, int64_t m, int64_t g, vd_range k, vd_part part,
                             int32_t *integers) {
    switch (op->type) {
#define VD_BLOCK_TYPE(TYPE, name, ...) VD_TWIN_TYPE(TYPE, name, TYPE, name, __VA_ARGS__)
#define VD_TWIN_TYPE(TYPE, name, TWIN, twin, ...)             \
    case VD_##TYPE:                                           \
        part_of_type(VD_##TWIN, op, m, g, k, part, integers); \
        break;
#include "types/types.inc"
        default:
            break;
    }
}

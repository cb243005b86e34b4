// Fast matmul over panels of bf16: a panel of tokens is converted once for all outputs of a tile,
// and a panel of outputs once for these tokens.
#ifndef VD_MATMUL_MATMUL_FAST_H
#define VD_MATMUL_MATMUL_FAST_H

#include "matmul/bf16_panels.h"
#include "matmul/blocks_v16.h"
#include "simd/transpose_avx512.h"

VD_INLINE void expand_tokens(const int type, const vd_matmul *op, vd_range rows, int64_t k,
                             int64_t columns, bf16_panels *p) {
    for (int64_t m = 0; m < rows.end - rows.begin; m++) {
        int64_t at = (rows.begin + m) * op->K + k;
        if (!vd_is_quantized(type)) {
            expand_floats(op->x + at, columns, p->tokens[m]);
            continue;
        }
        for (int64_t c = 0; c < columns; c += VD_BLOCK) {
            f32x16 scale = f32x16_splat(op->xq.scale[(at + c) / VD_BLOCK]);
            f32x16 low = f32x16_mul(f32x16_load_bytes(op->xq.q + at + c), scale);
            f32x16 high = f32x16_mul(f32x16_load_bytes(op->xq.q + at + c + 16), scale);
            _mm512_store_si512(p->tokens[m] + c, to_bf16(low, high));
        }
    }
    pad_tokens(p, rows.end - rows.begin);
}

// Loads up to 32 weights of a row.
VD_INLINE __m512i load_row(const int type, const uint16_t *row, int64_t columns) {
    __mmask32 mask = columns < VD_BLOCK ? (__mmask32)((1u << columns) - 1) : (__mmask32)-1;
    __m512i bits = _mm512_maskz_loadu_epi16(mask, row);
    if (type == VD_BF16) {
        return bits;
    }
    return to_bf16(_mm512_cvtph_ps(_mm512_castsi512_si256(bits)),
                   _mm512_cvtph_ps(_mm512_extracti64x4_epi64(bits, 1)));
}

// Converts rows n to n+15 of W, or up to the last one.
VD_INLINE void expand_rows(const int type, const vd_matmul *op, int64_t n, int64_t k,
                           int64_t columns, uint16_t (*to)[2 * VD_PACK_ROWS]) {
    const uint8_t *W = op->weights;
    for (int64_t c = 0; c < columns; c += VD_BLOCK) {
        __m512i rows[VD_PACK_ROWS];
        for (int r = 0; r < VD_PACK_ROWS; r++) {
            const void *row = W + ((n + r) * op->K + k + c) * 2;
            rows[r] = n + r < op->N ? load_row(type, row, columns - c) : _mm512_setzero_si512();
        }
        transpose_words(rows);
        for (int pair = 0; pair < VD_BLOCK / 2; pair++) {
            _mm512_store_si512(to[c / 2 + pair], rows[pair]);
        }
    }
}

// Converts columns 4q to 4q+3 of a block, from loaded codes to code * scale + offset.
VD_INLINE void expand_quad(i8x64 codes, f32x16 scale, f32x16 offset,
                           uint16_t (*to)[2 * VD_PACK_ROWS]) {
    for (int pair = 0; pair < 2; pair++) {
        f32x16 even = f32x16_from_int(i32x16_bits(codes, 16 * pair, 255));
        f32x16 odd = f32x16_from_int(i32x16_bits(codes, 16 * pair + 8, 255));
        __m512i both = to_bf16(f32x16_fma(even, scale, offset), f32x16_fma(odd, scale, offset));
        _mm512_store_si512(to[pair], interleave(both));
    }
}

// Converts group g of packed rows. A scale has so few bits that its product with a bias is exact.
VD_INLINE void expand_group(const int type, const vd_matmul *op, int64_t g, int64_t k,
                            int64_t columns, uint16_t (*to)[2 * VD_PACK_ROWS]) {
    const vd_block_layout layout = vd_block_layout_of(type);
    const int quads = layout.sub_block / 4;
    const uint8_t *group = (const uint8_t *)op->weights + g * vd_packed_group_bytes(type, op->K);
    const uint8_t *factors = group + vd_packed_factors(type, op->K);
    for (int64_t c = 0; c < columns; c += VD_BLOCK) {
        const uint8_t *codes = group + (k + c) / VD_BLOCK * VD_UNIT_BYTES * vd_code_bits(type);
        const uint8_t *of_block =
            factors + (k + c) / layout.elements * VD_PACK_ROWS * layout.factor_bytes;
        int j = (int)((k + c) % layout.elements / layout.sub_block);
        for (int s = 0; s < VD_BLOCK / layout.sub_block; s++) {
            f32x16 scale = vd_scales(type, of_block, j + s);
            f32x16 offset = layout.minima ? vd_minima(type, of_block, j + s)
                                          : f32x16_mul(scale, f32x16_splat((float)-vd_bias(type)));
#pragma GCC unroll 8
            for (int q = s * quads; q < (s + 1) * quads; q++) {
                expand_quad(vd_columns(type, codes, q), scale, offset, to + c / 2 + 2 * q);
            }
        }
    }
}

// Multiplies at most VD_FAST_ROWS rows.
VD_INLINE void multiply_rows(const int type, const vd_matmul *op, vd_range rows, vd_range outputs,
                             bf16_panels *p) {
    for (int64_t k = 0; k < op->K; k += PANEL_COLUMNS) {
        int64_t columns = vd_min(op->K - k, PANEL_COLUMNS);
        expand_tokens(type, op, rows, k, columns, p);
        for (int64_t n = outputs.begin; n < outputs.end; n += PANEL_GROUPS * VD_PACK_ROWS) {
            for (int64_t g = 0; g < PANEL_GROUPS && n + g * VD_PACK_ROWS < outputs.end; g++) {
                int64_t first = n + g * VD_PACK_ROWS;
                if (vd_is_quantized(type)) {
                    expand_group(type, op, first / VD_PACK_ROWS, k, columns, p->weights[g]);
                } else {
                    expand_rows(type, op, first, k, columns, p->weights[g]);
                }
            }
            multiply_tokens(p, columns, op->y, op->N, rows, (vd_range){n, outputs.end}, k == 0);
        }
    }
}

VD_INLINE void multiply_panels(const int type, const vd_matmul *op, vd_range rows, vd_range outputs,
                               void *scratch) {
    for (int64_t m = rows.begin; m < rows.end; m += VD_FAST_ROWS) {
        vd_range some = {m, vd_min(m + VD_FAST_ROWS, rows.end)};
        multiply_rows(type, op, some, outputs, scratch);
    }
}

#endif

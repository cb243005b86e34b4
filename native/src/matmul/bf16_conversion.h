// Conversion of weights and activations to bf16 by the instructions of AVX-512 BF16, in pairs of
// columns for instructions that multiply pairs.
//
// A row of a panel of 16 outputs has a pair of columns for each of them, and tokens have the same
// pairs. The includer defines PAIR_LOW and PAIR_HIGH, the columns of pairs 0 and 1 among four
// adjacent columns.
#ifndef VD_MATMUL_BF16_CONVERSION_H
#define VD_MATMUL_BF16_CONVERSION_H

#include "matmul/integers_v16.h"
#include "matmul/matmul.h"
#include "simd/part_v16.h"
#include "types/types.h"

// The pairs of 16 outputs.
typedef uint16_t (*group_panel)[2 * VD_PACK_ROWS];

// Replaces magnitudes below 2^-50 by 0; NaN remains.
VD_INLINE __m512i flush(__m512i bf16) {
    const __m512i magnitude = _mm512_and_si512(bf16, _mm512_set1_epi16(0x7fff));
    const __m512i min = _mm512_set1_epi16((127 - 50) << 7);
    return _mm512_maskz_mov_epi16(_mm512_cmpge_epu16_mask(magnitude, min), bf16);
}

VD_INLINE __m512i to_bf16(f32x16 low, f32x16 high) {
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

// Interleaves 32 words as 0, 16, 1, 17, ...: two columns of 16 outputs become pairs.
VD_INLINE __m512i interleave(__m512i words) {
    const __m512i order =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, words);
}

// Orders 32 adjacent columns as pairs.
VD_INLINE __m512i pair_columns(__m512i words) {
    if (PAIR_LOW(0) == 0 && PAIR_HIGH(0) == 1) {
        return words;
    }
    const __m512i four =
        _mm512_set1_epi64((int64_t)PAIR_LOW(0) | (int64_t)PAIR_HIGH(0) << 16 |
                          (int64_t)PAIR_LOW(1) << 32 | (int64_t)PAIR_HIGH(1) << 48);
    const __m512i quad =
        _mm512_set_epi64(0x1c001c001c001c, 0x18001800180018, 0x14001400140014, 0x10001000100010,
                         0xc000c000c000c, 0x8000800080008, 0x4000400040004, 0);
    return _mm512_permutexvar_epi16(_mm512_add_epi16(four, quad), words);
}

// Converts the first n of 32 floats; others are 0.
VD_INLINE __m512i load_floats(const float *x, int64_t n) {
    f32x16 low = f32x16_load_up_to(x, n);
    f32x16 high = n > 16 ? f32x16_load_up_to(x + 16, n - 16) : f32x16_zero();
    return flush(to_bf16(low, high));
}

// Loads the first n of 32 weights of a row; others are 0.
VD_INLINE __m512i load_row(const int type, const uint8_t *row, int64_t k, int64_t n) {
    if (type == VD_F32) {
        return load_floats((const float *)row + k, n);
    }
    __mmask32 mask = n < VD_BLOCK ? (__mmask32)((1u << n) - 1) : (__mmask32)-1;
    __m512i bits = _mm512_maskz_loadu_epi16(mask, (const uint16_t *)row + k);
    if (type == VD_BF16) {
        return flush(bits);
    }
    return to_bf16(_mm512_cvtph_ps(_mm512_castsi512_si256(bits)),
                   _mm512_cvtph_ps(_mm512_extracti64x4_epi64(bits, 1)));
}

// Converts rows n to n+15 of W, or up to `end`.
VD_INLINE void expand_rows(const int type, const vd_matmul *op, int64_t n, int64_t end, int64_t k,
                           int64_t columns, group_panel to) {
    int64_t bytes = vd_row_bytes(type, op->K);
    for (int64_t c = 0; c < columns; c += VD_BLOCK) {
        int64_t left = op->K - k - c;
        __m512i rows[VD_PACK_ROWS];
        for (int r = 0; r < VD_PACK_ROWS; r++) {
            const uint8_t *row = (const uint8_t *)op->weights + (n + r) * bytes;
            rows[r] = n + r < end ? pair_columns(load_row(type, row, k + c, left)) : i32x16_zero();
        }
        transpose_words(rows);
        for (int pair = 0; pair < VD_BLOCK / 2; pair++) {
            _mm512_store_si512(to[c / 2 + pair], rows[pair]);
        }
    }
}

// The factors of a sub-block: a weight is w * scale + minimum, or (w << 8) * reduced + minimum.
typedef struct factors_at {
    f32x16 scale;
    f32x16 reduced;
    f32x16 minimum;
} factors_at;

VD_INLINE factors_at load_factors(const int type, const uint8_t *factors, int j) {
    const int minima = vd_block_layout_of(type).minima;
    f32x16 scale = vd_scales(type, factors, j);
    return (factors_at){scale, f32x16_mul(scale, f32x16_splat(0x1p-8f)),
                        minima ? vd_minima(type, factors, j) : f32x16_zero()};
}

// Four adjacent columns. The last two begin at bit 0 in `upper`.
typedef struct four_columns {
    i8x64 lower;
    i8x64 upper;
} four_columns;

VD_INLINE four_columns load_columns(const int type, const uint8_t *columns, int q) {
    i8x64 four = vd_load_four(type, columns, q);
    return (four_columns){four, (i8x64)((uint32x16)four >> 16)};
}

// Returns column j (0 to 3) of four columns, the q-th of 32, before it is rounded. Bytes become
// floats where they are, since shifts are slow: 2^23 + (w << 8) has the bits of 2^23 and of w.
VD_INLINE f32x16 column_of(const int type, four_columns four, int q, int j, factors_at f) {
    f32x16 w, scale = f.scale;
    if (vd_looks_up(type)) {
        w = vd_integers_of(type, four.lower, q, j);
    } else {
        const int from = 8 * (j % 2);
        __m512i raised =
            _mm512_ternarylogic_epi32(j < 2 ? four.lower : four.upper, i32x16_splat(255 << from),
                                      i32x16_splat(0x4b000000), 0xea);
        w = _mm512_sub_ps(_mm512_castsi512_ps(raised),
                          _mm512_set1_ps(0x1p23f + (float)(vd_bias(type) << from)));
        scale = from > 0 ? f.reduced : f.scale;
    }
    return vd_block_layout_of(type).minima ? f32x16_fma(w, scale, f.minimum) : f32x16_mul(w, scale);
}

// Returns pair i (0 or 1) of four columns. Only MXFP4 has weights below 2^-50.
VD_INLINE __m512i pair_of(const int type, four_columns four, int q, int i, factors_at f) {
    __m512i both = to_bf16(column_of(type, four, q, PAIR_LOW(i), f),
                           column_of(type, four, q, PAIR_HIGH(i), f));
    return interleave(type == VD_MXFP4 ? flush(both) : both);
}

// Converts four columns, the q-th of 32, to two rows of pairs.
VD_INLINE void expand_columns(const int type, const vd_packed_at *at, int q, factors_at f,
                              group_panel to) {
    four_columns four = load_columns(type, at->columns, q);
    for (int i = 0; i < 2; i++) {
        _mm512_store_si512(to[2 * q + i], pair_of(type, four, q, i, f));
    }
}

// Converts 32 columns of packed rows and advances by them.
VD_INLINE void expand_block(const int type, vd_packed_at *at, group_panel to) {
    const int quads = vd_block_layout_of(type).sub_block / 4;
    factors_at f;
#pragma GCC unroll 8
    for (int q = 0; q < 8; q++) {
        if (q % quads == 0) {
            f = load_factors(type, at->factors, at->j + q / quads);
        }
        expand_columns(type, at, q, f, to);
    }
    vd_next_columns(type, at);
}

// Converts group g of packed rows.
VD_INLINE void expand_group(const int type, const vd_matmul *op, int64_t g, int64_t k,
                            int64_t columns, group_panel to) {
    vd_packed_at at = vd_packed_at_column(type, op, g, k);
    for (int64_t c = 0; c < columns; c += VD_BLOCK) {
        expand_block(type, &at, to + c / 2);
    }
}

#endif

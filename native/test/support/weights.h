// Random weights in the layout of GGUF files, and what they are worth: written from the format's
// description, with nothing of the library's.
#ifndef VD_TEST_WEIGHTS_H
#define VD_TEST_WEIGHTS_H

#include <stdint.h>

#include "support/rng.h"
#include "vidrio.h"

// The value of a half, exactly; infinities and NaN as such.
double half_value(uint16_t half);

// A half with about the given magnitude.
uint16_t half_near(double magnitude);

// All types of weights.
enum { WEIGHT_TYPES = 25 };
extern const vd_type weight_types[WEIGHT_TYPES];

const char *type_name(vd_type type);

// 1 for types in blocks.
int is_quantized(vd_type type);

// Elements of a block, and those that share a scale; 1 for types without blocks.
int64_t block_elements(vd_type type);
int64_t sub_block_elements(vd_type type);

int has_minima(vd_type type);

int64_t weights_row_bytes(vd_type type, int64_t K);

// What the bits of weights are like.
typedef enum weight_bits {
    WEIGHTS_PLAIN,     // all quants, moderate factors
    WEIGHTS_EXTREME,   // the least and the greatest fields only
    WEIGHTS_LEAST,     // the least quant
    WEIGHTS_GREATEST,  // the greatest quant
    WEIGHTS_ANY_HALF,  // factors (and halves) of all kinds but infinities and NaN
    WEIGHTS_ANY_BITS,  // infinities and NaN too
    WEIGHT_BITS_COUNT,
} weight_bits;

// Fills N rows of K weights.
void random_weights(rng *r, vd_type type, weight_bits bits, int64_t N, int64_t K, void *rows);

// Of a quantized row: the code of element k, and what it stands for.
uint8_t weight_code(vd_type type, const void *row, int64_t k);
int32_t weight_quant(vd_type type, const void *row, int64_t k);

// The halves of the block of element k (for MXFP4 the exponent), and the codes of its sub-block's
// scale and minimum; where a packed scale is a byte with sign, this byte.
uint16_t weight_d(vd_type type, const void *row, int64_t k);
uint16_t weight_dmin(vd_type type, const void *row, int64_t k);
uint8_t weight_scale_code(vd_type type, const void *row, int64_t k);
uint8_t weight_minimum_code(vd_type type, const void *row, int64_t k);

// The factors of the sub-block of element k (minimum is 0 for types without).
double weight_scale(vd_type type, const void *row, int64_t k);
double weight_minimum(vd_type type, const void *row, int64_t k);

// Element k of a row of any type.
double weight_value(vd_type type, const void *row, int64_t k);

#endif

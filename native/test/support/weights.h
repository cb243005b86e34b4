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

const char *type_name(vd_type type);

// 1 for types in blocks of 32.
int is_quantized(vd_type type);

int64_t weights_row_bytes(vd_type type, int64_t K);

// What the bits of weights are like.
typedef enum weight_bits {
    WEIGHTS_PLAIN,     // all quants, moderate factors
    WEIGHTS_EXTREME,   // the least and the greatest quants only
    WEIGHTS_ANY_HALF,  // factors (and halves) of all kinds but infinities and NaN
    WEIGHTS_ANY_BITS,  // infinities and NaN too
    WEIGHT_BITS_COUNT,
} weight_bits;

// Fills N rows of K weights.
void random_weights(rng *r, vd_type type, weight_bits bits, int64_t N, int64_t K, void *rows);

// Of a quantized row: the integer of element k as docs/numerics.md means it, and the factors of its
// block (minimum is 0 for types without).
int32_t weight_quant(vd_type type, const void *row, int64_t k);
double weight_scale(vd_type type, const void *row, int64_t k);
double weight_minimum(vd_type type, const void *row, int64_t k);

// Element k of a row of any type.
double weight_value(vd_type type, const void *row, int64_t k);

#endif

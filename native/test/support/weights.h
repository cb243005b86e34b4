// Random weights in the layout of GGUF files, and their values, decoded after the description of
// the format and independently of the library, except for its grids.
#ifndef VD_TEST_WEIGHTS_H
#define VD_TEST_WEIGHTS_H

#include <stdint.h>

#include "support/rng.h"
#include "vidrio.h"

// Returns the exact value of an F16; infinities and NaN stay such.
double half_value(uint16_t half);

// Returns an F16 of about the given magnitude.
uint16_t half_near(double magnitude);

// All weight types.
enum { WEIGHT_TYPES = 26 };
extern const vd_type weight_types[WEIGHT_TYPES];

const char *type_name(vd_type type);

// Returns 1 for block-quantized types.
int is_quantized(vd_type type);

// Returns the number of elements in a block, or of those that share a scale; 1 for types without
// blocks.
int64_t block_elements(vd_type type);
int64_t sub_block_elements(vd_type type);

// Returns the bits of a code in the two planes of packed weights; 0 for types that are not packed.
int low_bits(vd_type type);
int high_bits(vd_type type);

// Returns 1 if vd_encode encodes the type.
int has_encoder(vd_type type);

int has_minima(vd_type type);

int64_t weights_row_bytes(vd_type type, int64_t K);

// The distribution of random weights.
typedef enum weight_bits {
    WEIGHTS_PLAIN,     // all quants, moderate factors
    WEIGHTS_EXTREME,   // only fields with their minimum or maximum
    WEIGHTS_MIN,       // the minimum quant
    WEIGHTS_MAX,       // the maximum quant
    WEIGHTS_ANY_HALF,  // any factors (and F16 weights) except infinities and NaN
    WEIGHTS_ANY_BITS,  // also infinities and NaN
    WEIGHT_BITS_COUNT,
} weight_bits;

// Fills N rows of K weights.
void random_weights(rng *r, vd_type type, weight_bits bits, int64_t N, int64_t K, void *rows);

// Returns the code of element k of a quantized row, or the integer that it encodes.
uint8_t weight_code(vd_type type, const void *row, int64_t k);
int32_t weight_quant(vd_type type, const void *row, int64_t k);

// Returns a factor of the block of element k: the F16 d (for MXFP4 the exponent) or dmin, or the
// code of its sub-block's scale or minimum. If packed scales are signed bytes, the code is this
// byte.
uint16_t weight_d(vd_type type, const void *row, int64_t k);
uint16_t weight_dmin(vd_type type, const void *row, int64_t k);
uint8_t weight_scale_code(vd_type type, const void *row, int64_t k);
uint8_t weight_minimum_code(vd_type type, const void *row, int64_t k);

// Returns the scale or minimum of the sub-block of element k. The minimum is 0 for types without
// minima.
double weight_scale(vd_type type, const void *row, int64_t k);
double weight_minimum(vd_type type, const void *row, int64_t k);

// Returns element k of a row of any type.
double weight_value(vd_type type, const void *row, int64_t k);

#endif

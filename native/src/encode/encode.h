// Quantization of floats to blocks of weights.
#ifndef VD_ENCODE_ENCODE_H
#define VD_ENCODE_ENCODE_H

#include "types/types.h"

// Encodes a block of 32 elements: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4. `block` must be
// zeroed. importance [32] may be null; mean_square is that of the row's elements.
void vd_encode_block_32(int32_t type, const float *x, const float *importance, float mean_square,
                        uint8_t *block);

// Encodes a block of 256 elements: Q2_K to Q6_K, IQ4_XS. `block` must be zeroed; importance [256]
// may be null.
void vd_encode_block_k(int32_t type, const float *x, const float *importance, uint8_t *block);

#endif

// The IQ types of 256 elements. Their files hold points of a grid.
#ifndef VD_TYPES_CODEBOOKS_H
#define VD_TYPES_CODEBOOKS_H

#include "types/types.h"

// Extracts the codes of elements 32b to 32b+31 of a block, in ascending order: indices of the
// type's table.
void vd_codebook_codes(int32_t type, const uint8_t *block, int b, uint8_t codes[VD_BLOCK]);

// Returns the factor of d and the type's unit in the scale of a sub-block: 1, 3, 5 ... 31.
uint8_t vd_codebook_scale(int32_t type, const uint8_t *block, int sub_block);

#endif

// Values of the codes of quantized weights, and writers of the fields of a block in a GGUF file.
// types/block_fields.h reads them.
#ifndef VD_TYPES_BLOCKS_H
#define VD_TYPES_BLOCKS_H

#include "types/types.h"

// Returns the integer weight w of a code.
int32_t vd_code_weight(int32_t type, uint8_t code);

// The codes of the scale and minimum of a sub-block, 0 where the type has none. Those of Q6_K and
// the IQ types are signed factors of d in two's complement.
typedef struct vd_factor_codes {
    uint8_t scale;
    uint8_t minimum;
} vd_factor_codes;

// Stores fields in a block that is zero before.
void vd_block_put_codes(int32_t type, uint8_t *block, int b, const uint8_t codes[VD_BLOCK]);
void vd_block_put_d(int32_t type, uint8_t *block, uint16_t half);
void vd_block_put_dmin(int32_t type, uint8_t *block, uint16_t half);
void vd_block_put_factor_codes(int32_t type, uint8_t *block, int sub_block, vd_factor_codes codes);

// Returns the scale s or the minimum m of docs/numerics.md. Only types of 256 elements use `codes`,
// and only those with minima dmin.
float vd_scale_of(int32_t type, uint16_t d, vd_factor_codes codes);
float vd_minimum_of(int32_t type, uint16_t dmin, vd_factor_codes codes);

#endif

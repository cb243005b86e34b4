// The blocks of quantized weights as GGUF files have them, of all types by one set of functions.
#ifndef VD_TYPES_BLOCKS_H
#define VD_TYPES_BLOCKS_H

#include "types/types.h"

// The codes of the elements 32b to 32b+31 of a block, in ascending order.
void vd_block_codes(int32_t type, const uint8_t *block, int b, uint8_t codes[VD_BLOCK]);

// The integer w that a code stands for.
int32_t vd_code_weight(int32_t type, uint8_t code);

// A block's factors besides its sub-blocks' codes: the half d, and the half dmin of types with
// minima. MXFP4 has the byte e in place of d.
uint16_t vd_block_d(int32_t type, const uint8_t *block);
uint16_t vd_block_dmin(int32_t type, const uint8_t *block);

// Codes of the scale and minimum of a sub-block (0 where the type has none). Of Q6_K and the IQ
// types, what d is multiplied by, in two's complement.
typedef struct vd_factor_codes {
    uint8_t scale;
    uint8_t minimum;
} vd_factor_codes;

vd_factor_codes vd_block_factor_codes(int32_t type, const uint8_t *block, int sub_block);

// The inverses of the functions above, for a block whose bytes are zero before.
void vd_block_put_codes(int32_t type, uint8_t *block, int b, const uint8_t codes[VD_BLOCK]);
void vd_block_put_d(int32_t type, uint8_t *block, uint16_t half);
void vd_block_put_dmin(int32_t type, uint8_t *block, uint16_t half);
void vd_block_put_factor_codes(int32_t type, uint8_t *block, int sub_block, vd_factor_codes codes);

// s and m of docs/numerics.md. Only types of 256 elements read the codes, only those with minima
// dmin.
float vd_scale_of(int32_t type, uint16_t d, vd_factor_codes codes);
float vd_minimum_of(int32_t type, uint16_t dmin, vd_factor_codes codes);

#endif

// Decodes the types with blocks of grid points, element by element.
#ifndef VD_TEST_CODEBOOKS_H
#define VD_TEST_CODEBOOKS_H

#include <stdint.h>

#include "vidrio.h"

int is_codebook(vd_type type);

// Returns the code of element k of a block of 256: its digit of the grid point in the lower bits,
// its sign above.
uint8_t codebook_code(vd_type type, const uint8_t *block, int k);

// Returns the quant that a code encodes.
int32_t codebook_quant(vd_type type, uint8_t code);

// Reads or writes the F16 scale d of a block.
uint16_t codebook_d(vd_type type, const uint8_t *block);
void codebook_put_d(vd_type type, uint8_t *block, uint16_t d);

// Returns the factors of the scale of the sub-block of element k, which is d * scale code * unit.
uint8_t codebook_scale_code(vd_type type, const uint8_t *block, int k);
double codebook_unit(vd_type type);

#endif

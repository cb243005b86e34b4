// The types whose files have points of a grid, element by element.
#ifndef VD_TEST_CODEBOOKS_H
#define VD_TEST_CODEBOOKS_H

#include <stdint.h>

#include "vidrio.h"

int is_codebook(vd_type type);

// The code of element k of a block of 256: its digit of a point, and its sign above.
uint8_t codebook_code(vd_type type, const uint8_t *block, int k);

// What such a code stands for.
int32_t codebook_quant(vd_type type, uint8_t code);

// The half d.
uint16_t codebook_d(vd_type type, const uint8_t *block);
void codebook_put_d(vd_type type, uint8_t *block, uint16_t d);

// The scale of the sub-block of element k is d times this number, times the unit.
uint8_t codebook_scale_code(vd_type type, const uint8_t *block, int k);
double codebook_unit(vd_type type);

#endif

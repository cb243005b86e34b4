// Rows of weights as floats.
#ifndef VD_TYPES_DEQUANTIZE_H
#define VD_TYPES_DEQUANTIZE_H

#include "types/types.h"

// Elements [first, first + n) of a row in GGUF's layout, of any type; where the type has blocks,
// multiples of 32.
void vd_dequantize_part(int32_t type, const uint8_t *row, int64_t first, int64_t n, float *y);

// The K elements of a row; K fills whole blocks.
void vd_dequantize_row(int32_t type, const uint8_t *row, int64_t K, float *y);

#endif

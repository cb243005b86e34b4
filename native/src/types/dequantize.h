// Conversion of rows of weights to floats.
#ifndef VD_TYPES_DEQUANTIZE_H
#define VD_TYPES_DEQUANTIZE_H

#include "types/types.h"

// Converts elements [first, first + n) of a row in GGUF's layout, of any type. For types with
// blocks, first and n are multiples of 32.
void vd_dequantize_part(int32_t type, const uint8_t *row, int64_t first, int64_t n, float *y);

// Converts the K elements of a row; K fills whole blocks.
void vd_dequantize_row(int32_t type, const uint8_t *row, int64_t K, float *y);

#endif

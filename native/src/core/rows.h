// Rows of weights as floats.
#ifndef VD_CORE_ROWS_H
#define VD_CORE_ROWS_H

#include "core/types.h"

// The K elements of a row in GGUF's layout, of any type; K fills whole blocks.
void vd_expand_row(int32_t type, const uint8_t *row, int64_t K, float *y);

#endif

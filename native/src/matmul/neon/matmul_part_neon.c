// Parts of quantized matmul for NEON.
#include "simd/v16_neon.h"
// The vector types come first: the template uses them.
#include "matmul/matmul_part_v16.h"

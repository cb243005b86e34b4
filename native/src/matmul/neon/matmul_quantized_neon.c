// Quantized matmul for NEON.
#include "simd/v16_neon.h"
// v16 first: the template below is written over it.
#include "matmul/matmul_quantized_v16.h"

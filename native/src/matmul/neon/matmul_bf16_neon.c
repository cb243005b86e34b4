// Matmul in bf16 for NEON.
#include "simd/v16_neon.h"
// The vector types come first: the template uses them.
#include "matmul/matmul_bf16_v16.h"

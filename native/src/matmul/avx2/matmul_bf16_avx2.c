// Matmul in bf16 for AVX2.
#include "simd/v16_avx2.h"
// The vector types come first: the template uses them.
#include "matmul/matmul_bf16_v16.h"

// Matmul in bf16 for AVX-512.
#include "simd/v16_avx512.h"
// The vector types come first: the template uses them.
#include "matmul/matmul_bf16_v16.h"

// Parts of quantized matmul for AVX-512.
#include "simd/v16_avx512.h"
// The vector types come first: the template uses them.
#include "matmul/matmul_part_v16.h"

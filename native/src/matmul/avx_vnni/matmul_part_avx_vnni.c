// Parts of quantized matmul for AVX-VNNI.
#include "simd/v16_avx2.h"
// The vector types come first: the template uses them.
#include "matmul/matmul_part_v16.h"

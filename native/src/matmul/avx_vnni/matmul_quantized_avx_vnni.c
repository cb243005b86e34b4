// Quantized matmul for AVX-VNNI.
#include "simd/v16_avx2.h"
// f32x16 first: the template below is written over it.
#include "matmul/matmul_quantized_v16.h"

// Quantized matmul for FEAT_DotProd.
#include "simd/v16_dotprod.h"
// f32x16 first: the template below is written over it.
#include "matmul/matmul_quantized_v16.h"

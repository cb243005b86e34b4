// Parts of quantized matmul for FEAT_DotProd.
#include "simd/v16_dotprod.h"
// The vector types come first: the template uses them.
#include "matmul/matmul_part_v16.h"

// top_k for AVX-512.
#include "simd/v16_avx512.h"
// The vector types come first: the template uses them.
#include "top_k/top_k_v16.h"

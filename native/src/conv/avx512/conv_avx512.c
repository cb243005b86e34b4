// conv for AVX-512.
#include "simd/v16_avx512.h"
// The vector types come first: the template uses them.
#include "conv/conv_v16.h"

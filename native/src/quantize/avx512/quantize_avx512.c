// quantize for AVX-512.
#include "simd/v16_avx512.h"
// The vector types come first: the template uses them.
#include "quantize/quantize_v16.h"

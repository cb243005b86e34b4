// attention for AVX-512.
#include "simd/v16_avx512.h"
// The vector types come first: the template uses them.
#include "attention/attention_v16.h"

// open_attention for AVX-512.
#include "simd/v16_avx512.h"
// v16 first: the template below is written over it.
#include "open_attention/open_attention_v16.h"

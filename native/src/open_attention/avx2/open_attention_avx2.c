// open_attention for AVX2.
#include "simd/v16_avx2.h"
// v16 first: the template below is written over it.
#include "open_attention/open_attention_v16.h"

// Operations backward for AVX-512.
#include "simd/v16_avx512.h"
// f32x16 first: the templates below are written over it.
#include "backward/backward_v16.h"

// Operations backward for AVX2.
#include "simd/v16_avx2.h"
// f32x16 first: the templates below are written over it.
#include "backward/backward_v16.h"

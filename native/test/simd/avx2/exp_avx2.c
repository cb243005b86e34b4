// exp for AVX2.
#include "simd/v16_avx2.h"
// f32x16 first: the template below is written over it.
#include "simd/exp_loop_v16.h"

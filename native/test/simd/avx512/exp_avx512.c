// exp for AVX-512.
#include "simd/v16_avx512.h"
// f32x16 first: the template below is written over it.
#include "simd/exp_loop_v16.h"

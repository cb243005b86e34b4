// exp for AVX2.
#include "simd/v16_avx2.h"
// Defines the vectors of the template below.
#include "simd/exp_loop_v16.h"

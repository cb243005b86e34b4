// exp for AVX-512.
#include "simd/v16_avx512.h"
// Defines the vectors of the template below.
#include "simd/exp_loop_v16.h"

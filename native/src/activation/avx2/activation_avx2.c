// activation for AVX2.
#include "simd/v16_avx2.h"
// The vector types come first: the template uses them.
#include "activation/activation_v16.h"

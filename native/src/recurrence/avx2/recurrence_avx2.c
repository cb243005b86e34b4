// recurrence for AVX2.
#include "simd/v16_avx2.h"
// The vector types come first: the template uses them.
#include "recurrence/recurrence_v16.h"

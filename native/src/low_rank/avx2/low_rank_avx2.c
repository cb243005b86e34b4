// low-rank updates for AVX2.
#include "simd/v16_avx2.h"
// The vector types come first: the template uses them.
#include "low_rank/low_rank_v16.h"

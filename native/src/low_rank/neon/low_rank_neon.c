// low-rank updates for NEON.
#include "simd/v16_neon.h"
// f32x16 first: the template below is written over it.
#include "low_rank/low_rank_v16.h"

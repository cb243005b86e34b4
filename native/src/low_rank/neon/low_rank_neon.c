// low-rank updates for NEON.
#include "simd/v16_neon.h"
// The vector types come first: the template uses them.
#include "low_rank/low_rank_v16.h"

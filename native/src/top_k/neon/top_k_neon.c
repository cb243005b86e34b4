// top_k for NEON.
#include "simd/v16_neon.h"
// The vector types come first: the template uses them.
#include "top_k/top_k_v16.h"

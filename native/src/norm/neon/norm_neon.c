// norm for NEON.
#include "simd/v16_neon.h"
// The vector types come first: the template uses them.
#include "norm/norm_v16.h"

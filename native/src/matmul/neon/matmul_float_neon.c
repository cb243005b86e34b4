// Float matmul for NEON.
#include "simd/v16_neon.h"
// The vector types come first: the template uses them.
#include "matmul/matmul_float_v16.h"

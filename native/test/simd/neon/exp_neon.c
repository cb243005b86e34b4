// exp for NEON.
#include "simd/v16_neon.h"
// Defines the vectors of the template below.
#include "simd/exp_loop_v16.h"

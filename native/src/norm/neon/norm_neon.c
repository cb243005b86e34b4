// norm for NEON.
#include "simd/v16_neon.h"
// f32x16 first: the template below is written over it.
#include "norm/norm_v16.h"

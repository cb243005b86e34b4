// exp for NEON.
#include "simd/v16_neon.h"
// f32x16 first: the template below is written over it.
#include "simd/exp_loop_v16.h"

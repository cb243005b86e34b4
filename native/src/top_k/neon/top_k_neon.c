// top_k for NEON.
#include "simd/v16_neon.h"
// f32x16 first: the template below is written over it.
#include "top_k/top_k_v16.h"

// Operations backward for NEON.
#include "simd/v16_neon.h"
// f32x16 first: the templates below are written over it.
#include "backward/backward_v16.h"

// Operations backward for NEON.
#include "simd/v16_neon.h"
// v16 first: the templates below are written over it.
#include "backward/backward_v16.h"

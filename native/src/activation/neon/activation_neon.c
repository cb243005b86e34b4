// activation for NEON.
#include "simd/v16_neon.h"
// The vector types come first: the template uses them.
#include "activation/activation_v16.h"

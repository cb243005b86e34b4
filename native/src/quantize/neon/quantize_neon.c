// quantize for NEON.
#include "simd/v16_neon.h"
// The vector types come first: the template uses them.
#include "quantize/quantize_v16.h"

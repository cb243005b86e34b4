// probe for AVX-VNNI.
#include "simd/v16_avx2.h"
// The vector types come first: the template uses them.
#include "probe/probe_v16.h"

// probe for FEAT_DotProd.
#include "simd/v16_dotprod.h"
// The vector types come first: the template uses them.
#include "probe/probe_v16.h"

// open_attention for NEON.
#include "simd/v16_neon.h"
// v16 first: the template below is written over it.
#include "open_attention/open_attention_v16.h"

// recurrence for NEON.
#include "simd/v16_neon.h"
// v16 first: the template below is written over it.
#include "recurrence/recurrence_v16.h"

// edit for NEON.
#include "simd/v16_neon.h"
// The vector types come first: the template uses them.
#include "edit/edit_v16.h"

// probe for AMX-INT8.
#include <stdint.h>

typedef int8_t value;
typedef int32_t sum;
#define ONE 1
#define PRODUCT(c) amx_dot_signed(c)
#include "probe/probe_tiles.h"

const vd_probe_kernel vd_probe_tiles_amx_int8 = {tile_chains, OPS};

// probe for AMX-BF16.
#include <stdint.h>

typedef uint16_t value;
typedef float sum;
#define ONE 0x3f80
#define PRODUCT(c) amx_dot_bf16(c)
#include "probe/probe_tiles.h"

const vd_probe_kernel vd_probe_tiles_amx_bf16 = {tile_chains, OPS};

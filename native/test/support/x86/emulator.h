// Executes AVX-VNNI and AMX instructions in software where the processor lacks them: it raises
// SIGILL, and the handler does what the instruction would have done. So the very kernels that ship
// are tested on any machine, their operands, tile shapes and addresses included.
#ifndef VD_TEST_EMULATOR_H
#define VD_TEST_EMULATOR_H

#include "vidrio.h"

// From here on vd_isa_usable, as plans and tests call it, also names the sets up to `greatest` that
// are emulated: avx_vnni on machines with AVX2, amx_int8 and amx_bf16 on machines with AVX-512
// BF16.
void emulate_missing_isas(vd_isa greatest);

// 1 for a set that is emulated.
int emulates(vd_isa isa);

// How many threads hold a tile configuration that they have not released.
int emulated_tile_holders(void);

#endif

// Emulates instructions that the processor lacks: it raises SIGILL, and the handler computes the
// instruction's result in software. Tests thus run the kernels that ship on any machine, including
// their operands, tile shapes and addresses.
//
// Emulated are only the instructions that a set adds to its base: AVX-VNNI on machines with AVX2;
// AVX-512 VNNI, AVX-512 BF16, AMX-INT8 and AMX-BF16 on machines with AVX-512 F, BW, DQ and VL.
// AVX-512 itself is not emulated: its registers and some hundred instructions would be too many.
#ifndef VD_TEST_EMULATOR_H
#define VD_TEST_EMULATOR_H

#include "vidrio.h"

// Makes vd_isa_usable, as plans and tests call it, return 1 for the sets up to `last` that this
// machine can emulate, and installs the handler.
void emulate_missing_isas(vd_isa last);

// Returns 1 if the set is emulated.
int emulates(vd_isa isa);

// Returns the number of threads that hold an emulated tile configuration.
int emulated_tile_holders(void);

#endif

// Which instruction sets a test runs: those that this machine has, up to and including the one that
// VIDRIO_ISA names.
#ifndef VD_TEST_ISAS_H
#define VD_TEST_ISAS_H

#include "vidrio.h"

// Reads VIDRIO_ISA, prints the sets that the test of `stem` will run, and prepares for faults. Call
// it first in main.
void test_begin(const char *stem);

// 1 for the sets that are to run. All variants of a kernel:
//   for (vd_isa isa = VD_ISA_SCALAR; isa_runs(isa); isa++)
int isa_runs(vd_isa isa);

#endif

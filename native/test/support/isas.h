// Which instruction sets a test runs: those that this machine has, up to and including the one that
// VIDRIO_ISA names, without those that it does not contain.
#ifndef VD_TEST_ISAS_H
#define VD_TEST_ISAS_H

#include <stdint.h>

#include "vidrio.h"

// Reads VIDRIO_ISA, prints the sets that the test of `stem` will run, and prepares for faults. Call
// it first in main.
void test_begin(const char *stem);

// The same, and emulates sets up to `greatest` that this machine lacks, where test support can.
void test_begin_emulated(const char *stem, vd_isa greatest);

// 1 for the sets that are to run.
int isa_runs(vd_isa isa);

// 1 where an emulated set is to leave out the next case of a sweep, which makes so many products:
// each of its instructions takes microseconds. After a case that runs, others are left out until
// they have made up for its time.
int leaves_case_out(vd_isa isa, int64_t products);

// Threads that hold a tile configuration of AMX, as far as that is emulated: none between kernels.
int held_tiles(void);

// The next set that is to run, or VD_ISA_COUNT. All variants of a kernel:
//   for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa))
vd_isa next_isa(vd_isa isa);

#endif

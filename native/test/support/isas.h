// The instruction sets that a test runs: the usable ones, and those that are emulated, up to the
// set named by VIDRIO_ISA and the sets that this one contains.
//
// With VD_TEST_ISAS=best they run the best of these that is not emulated, and the scalar set.
// With VD_TEST_ISAS=all every test runs every set of the processor's architecture: sets that this
// processor lacks are emulated if possible (support/x86/emulator.h), and named if not.
#ifndef VD_TEST_ISAS_H
#define VD_TEST_ISAS_H

#include <stdint.h>

#include "vidrio.h"

// Reads VIDRIO_ISA and VD_TEST_ISAS, prints the sets that the test will run, and prepares for
// faults. main calls it first.
void test_begin(const char *stem);

// Calls test_begin and emulates missing sets up to `last` even without VD_TEST_ISAS, for tests of
// kernels that differ from those of the set's base.
void test_begin_emulated(const char *stem, vd_isa last);

// Returns 1 if the set is to run.
int isa_runs(vd_isa isa);

// Returns 1 if the set is emulated: tests of it should be short.
int isa_is_emulated(vd_isa isa);

// Returns 1 if an emulated set skips the next case of a sweep, which computes this number of
// products: each emulated instruction takes microseconds. After a case that runs, others are
// skipped until they have made up for its time.
int skips_case(vd_isa isa, int64_t products);

// Returns the number of threads that hold an emulated AMX tile configuration: 0 between kernels.
int held_tiles(void);

// Returns the next set that is to run, or VD_ISA_COUNT. All variants of a kernel:
//   for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa))
vd_isa next_isa(vd_isa isa);

#endif

#ifndef VD_PROBE_PROBE_H
#define VD_PROBE_PROBE_H

#include "core/arch.h"
#include "vidrio.h"

// Independent chains of one instruction. `run` repeats them and returns a sum of the results, which
// keeps compilers from removing the loop; `ops` are the operations of a round.
typedef struct vd_probe_kernel {
    double (*run)(int64_t rounds);
    int64_t ops;
} vd_probe_kernel;

#define VD_VARIANT(isa, f32, int8, bf16) \
    extern const vd_probe_kernel vd_probe_##f32, vd_probe_##int8, vd_probe_##bf16;
#include "probe/probe_kernels.inc"
#undef VD_VARIANT

#endif

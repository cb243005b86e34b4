#ifndef VD_PROBE_PROBE_H
#define VD_PROBE_PROBE_H

#include "core/arch.h"
#include "vidrio.h"

// Functions that run `rounds` rounds of independent chains of one instruction, and the number of
// operations per round. The results are used only to keep compilers from removing the loops.
typedef struct vd_probe_kernels {
    float (*fma)(int64_t rounds);
    int32_t (*dot)(int64_t rounds);
    int64_t fma_ops;  // per round
    int64_t dot_ops;
} vd_probe_kernels;

#define VD_VARIANT(isa, name) extern const vd_probe_kernels vd_probe_##name;
#include "simd/variants_dot_v16.inc"
#undef VD_VARIANT

#endif

// probe: rejects invalid arguments and measures positive rates, whose size depends on the machine.
#include "probe/probe.h"

#include <math.h>

#include "support/check.h"
#include "support/isas.h"
#include "support/plans.h"

static void rejects_invalid_arguments(void) {
    describe("vd_probe, arguments");
    vd_pool *pool = pool_of(1);
    double rate;
    vd_isa isa = VD_ISA_SCALAR;
    CHECK(vd_probe(VD_PROBE_F32_FMA, NULL, isa, 0, 0, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe(VD_PROBE_F32_FMA, pool, isa, 0, 0, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe(VD_PROBE_F32_FMA, pool, isa, 0, -1, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe(VD_PROBE_F32_FMA, pool, isa, 0, (double)NAN, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe(VD_PROBE_F32_FMA, pool, isa, 0, (double)INFINITY, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe(VD_PROBE_READ, pool, isa, -1, 0, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe((vd_probe_kind)3, pool, isa, 0, 0, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe((vd_probe_kind)-1, pool, isa, 0, 0, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe(VD_PROBE_F32_FMA, pool, VD_ISA_COUNT, 0, 0, &rate) == VD_UNSUPPORTED);
}

static void measures_arithmetic(vd_isa isa) {
    for (int32_t workers = 1; workers <= 2; workers++) {
        for (vd_probe_kind kind = VD_PROBE_F32_FMA; kind <= VD_PROBE_INT8_DOT; kind++) {
            describe("vd_probe %d %s, %d workers", kind, vd_isa_name(isa), workers);
            double rate = 0;
            CHECK(vd_probe(kind, pool_of(workers), isa, 0, 0, &rate) == VD_OK);
            CHECK(isfinite(rate) && rate > 0);
        }
    }
}

static const vd_probe_kernels *kernels_of(vd_isa isa) {
#if VD_X86_64
    return isa == VD_ISA_AVX_VNNI ? &vd_probe_avx_vnni : &vd_probe_avx512_vnni;
#else
    (void)isa;
    return &vd_probe_scalar;
#endif
}

// Adds products of ones: half of the operations are multiplications. A measurement of emulated
// instructions would take minutes.
static void runs_emulated_kernels(vd_isa isa) {
    describe("probe kernels %s", vd_isa_name(isa));
    const vd_probe_kernels *k = kernels_of(isa);
    CHECK(k->dot(3) == 3 * k->dot_ops / 2);
}

static void measures_memory(void) {
    describe("vd_probe of memory");
    double rate = 0;
    CHECK(vd_probe(VD_PROBE_READ, pool_of(2), VD_ISA_AUTO, 0, 0, &rate) == VD_OK);
    CHECK(isfinite(rate) && rate > 0);
    CHECK(vd_probe(VD_PROBE_READ, pool_of(2), VD_ISA_AUTO, 100000, 0, &rate) == VD_OK);
    CHECK(isfinite(rate) && rate > 0);
}

int main(void) {
    test_begin("probe");
    rejects_invalid_arguments();
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        if (isa_is_emulated(isa)) {
            runs_emulated_kernels(isa);
        } else {
            measures_arithmetic(isa);
        }
    }
    measures_memory();
    return 0;
}

// probe: rejects invalid arguments and measures positive rates. Their size depends on the machine.
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
    CHECK(vd_probe((vd_probe_kind)4, pool, isa, 0, 0, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe((vd_probe_kind)-1, pool, isa, 0, 0, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe(VD_PROBE_F32_FMA, pool, VD_ISA_COUNT, 0, 0, &rate) == VD_UNSUPPORTED);
}

static void measures_arithmetic(vd_isa isa) {
    for (int32_t workers = 1; workers <= 2; workers++) {
        static const vd_probe_kind kinds[] = {VD_PROBE_F32_FMA, VD_PROBE_INT8_DOT,
                                              VD_PROBE_BF16_DOT};
        for (int k = 0; k < 3; k++) {
            vd_probe_kind kind = kinds[k];
            describe("vd_probe %d %s, %d workers", kind, vd_isa_name(isa), workers);
            double rate = 0;
            CHECK(vd_probe(kind, pool_of(workers), isa, 0, 0, &rate) == VD_OK);
            CHECK(isfinite(rate) && rate > 0);
        }
    }
}

static const vd_probe_kernel *dot_products[VD_ISA_COUNT][2] = {
#define VD_VARIANT(isa, f32, int8, bf16) [isa] = {&vd_probe_##int8, &vd_probe_##bf16},
#include "probe/probe_kernels.inc"
#undef VD_VARIANT
};

// Adds products of ones: half of the operations are multiplications. A measurement of emulated
// instructions would take minutes.
static void runs_emulated_kernels(vd_isa isa) {
    for (int i = isa == VD_ISA_AVX_VNNI || isa == VD_ISA_AVX512_VNNI ? 1 : 2; i-- > 0;) {
        describe("probe kernels %s, %s", vd_isa_name(isa), i == 0 ? "int8" : "bf16");
        const vd_probe_kernel *k = dot_products[isa][i];
        CHECK(k->run(3) == 3.0 * (double)k->ops / 2);
    }
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

// probe: refuses what it should, and measures something. How much is the machine's business.
#include <math.h>

#include "support/check.h"
#include "support/isas.h"
#include "support/plans.h"
#include "vidrio.h"

static void check_arguments(vd_pool *pool) {
    describe("vd_probe, arguments");
    double rate;
    vd_isa isa = VD_ISA_SCALAR;
    CHECK(vd_probe(VD_PROBE_F32_FMA, NULL, isa, 0, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe(VD_PROBE_F32_FMA, pool, isa, 0, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe(VD_PROBE_F32_FMA, pool, isa, -1, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe(VD_PROBE_F32_FMA, pool, isa, (double)NAN, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe(VD_PROBE_F32_FMA, pool, isa, (double)INFINITY, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe((vd_probe_kind)3, pool, isa, 0, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe((vd_probe_kind)-1, pool, isa, 0, &rate) == VD_INVALID_ARGUMENT);
    CHECK(vd_probe(VD_PROBE_F32_FMA, pool, VD_ISA_COUNT, 0, &rate) == VD_UNSUPPORTED);
}

int main(void) {
    test_begin("probe");
    check_arguments(pool_of(1));
    for (int32_t workers = 1; workers <= 2; workers++) {
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            for (vd_probe_kind kind = VD_PROBE_F32_FMA; kind <= VD_PROBE_INT8_DOT; kind++) {
                describe("vd_probe %d %s, %d workers", kind, vd_isa_name(isa), workers);
                double rate = 0;
                CHECK(vd_probe(kind, pool_of(workers), isa, 0, &rate) == VD_OK);
                CHECK(isfinite(rate) && rate > 0);
            }
        }
    }
    describe("vd_probe of memory");
    double rate = 0;
    CHECK(vd_probe(VD_PROBE_READ, pool_of(2), VD_ISA_AUTO, 0, &rate) == VD_OK);
    CHECK(isfinite(rate) && rate > 0);
    return 0;
}

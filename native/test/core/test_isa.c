// Instruction sets: names, bases, detection, and the choice by VIDRIO_ISA.
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/system.h"
#include "vidrio.h"

static void names_known_sets(void) {
    describe("names");
    CHECK(strcmp(vd_isa_name(VD_ISA_SCALAR), "scalar") == 0);
    CHECK(strcmp(vd_isa_name(VD_ISA_AVX2), "avx2") == 0);
    CHECK(strcmp(vd_isa_name(VD_ISA_AVX512_VNNI), "avx512_vnni") == 0);
    CHECK(strcmp(vd_isa_name(VD_ISA_I8MM), "i8mm") == 0);
    CHECK(vd_isa_base(VD_ISA_AUTO) == VD_ISA_SCALAR && vd_isa_base(VD_ISA_COUNT) == VD_ISA_SCALAR);
    CHECK(vd_isa_name(VD_ISA_AUTO) == NULL);
    CHECK(vd_isa_name(VD_ISA_COUNT) == NULL);
}

// Checks that a usable set has a usable base and that bases end at scalar. Returns the best usable
// set.
static vd_isa bases_of_usable_sets_are_usable(void) {
    describe("usable sets");
    CHECK(vd_isa_usable(VD_ISA_SCALAR) == 1);
    CHECK(vd_isa_usable(VD_ISA_AUTO) == 0 && vd_isa_usable(VD_ISA_COUNT) == 0);
    vd_isa best = VD_ISA_SCALAR;
    for (vd_isa isa = VD_ISA_AVX2; isa < VD_ISA_COUNT; isa++) {
        CHECK(vd_isa_usable(isa) == 0 || vd_isa_usable(isa) == 1);
        CHECK(vd_isa_base(isa) < isa);
        CHECK(!vd_isa_usable(isa) || vd_isa_usable(vd_isa_base(isa)));
        best = vd_isa_usable(isa) ? isa : best;
    }
    return best;
}

static void picks(const char *wanted, vd_status status, vd_isa picked) {
    describe("VIDRIO_ISA=%s", wanted == NULL ? "(unset)" : wanted);
    set_environment("VIDRIO_ISA", wanted);
    vd_isa isa = VD_ISA_COUNT;
    CHECK(vd_isa_pick(&isa) == status);
    CHECK(isa == picked);
}

int main(void) {
    describe_faults();
    names_known_sets();
    vd_isa best = bases_of_usable_sets_are_usable();
    picks(NULL, VD_OK, best);
    picks("", VD_OK, best);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa++) {
        int usable = vd_isa_usable(isa);
        picks(vd_isa_name(isa), usable ? VD_OK : VD_UNSUPPORTED, usable ? isa : VD_ISA_SCALAR);
    }
    static const char *const unknown[] = {"mmx", "AVX2", "avx", "avx2 ", "avx512_vnni2", "0"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        picks(unknown[i], VD_INVALID_ARGUMENT, VD_ISA_SCALAR);
    }
    CHECK(vd_isa_pick(NULL) == VD_INVALID_ARGUMENT);
    return 0;
}

#include "support/isas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"

static vd_isa last = VD_ISA_SCALAR;

static vd_isa named(const char *name) {
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa++) {
        if (strcmp(name, vd_isa_name(isa)) == 0) {
            return isa;
        }
    }
    fail("VIDRIO_ISA names no instruction set: %s", name);
}

int isa_runs(vd_isa isa) { return isa >= VD_ISA_SCALAR && isa <= last; }

void test_begin(const char *stem) {
    const char *wanted = getenv("VIDRIO_ISA");
    vd_isa limit = wanted == NULL || *wanted == '\0' ? VD_ISA_COUNT - 1 : named(wanted);
    while (last < limit && vd_isa_usable(last + 1)) {
        last++;
    }
    printf("%s:", stem);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa++) {
        printf(isa_runs(isa) ? " %s" : " (not %s)", vd_isa_name(isa));
    }
    printf("\n");
    fflush(stdout);
    describe_faults();
}

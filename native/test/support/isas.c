#include "support/isas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arch.h"
#include "support/check.h"
#if VD_X86_64 && defined(__linux__)
#include "support/x86/emulator.h"
#endif

static vd_isa limit = VD_ISA_COUNT;  // the set that VIDRIO_ISA names

// What the processor says takes tens of microseconds on a virtual machine.
static int runs[VD_ISA_COUNT], emulated[VD_ISA_COUNT];

static vd_isa named(const char *name) {
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa++) {
        if (strcmp(name, vd_isa_name(isa)) == 0) {
            return isa;
        }
    }
    fail("VIDRIO_ISA names no instruction set: %s", name);
}

static int within_limit(vd_isa isa) {
    vd_isa part = limit;
    while (part != isa && part != VD_ISA_SCALAR) {
        part = vd_isa_base(part);
    }
    return part == isa;
}

int isa_runs(vd_isa isa) { return runs[isa]; }

static int is_emulated(vd_isa isa) {
    (void)isa;
#if VD_X86_64 && defined(__linux__)
    return emulates(isa);
#else
    return 0;
#endif
}

// Instructions of an emulated set that each case of its sweeps, run or not, pays off.
enum { PAID = 60 };

// A tile instruction of AMX makes more, but takes as long as many others, and may be partly empty.
static int64_t products_of_an_instruction(vd_isa isa) { return isa == VD_ISA_AVX_VNNI ? 32 : 1024; }

int leaves_case_out(vd_isa isa, int64_t products) {
    static int64_t owed[VD_ISA_COUNT];
    if (!emulated[isa]) {
        return 0;
    }
    owed[isa] -= PAID;
    if (owed[isa] > 0) {
        return 1;
    }
    owed[isa] += products / products_of_an_instruction(isa);
    return 0;
}

int held_tiles(void) {
#if VD_X86_64 && defined(__linux__)
    return emulated_tile_holders();
#else
    return 0;
#endif
}

vd_isa next_isa(vd_isa isa) {
    do {
        isa++;
    } while (isa < VD_ISA_COUNT && !isa_runs(isa));
    return isa;
}

void test_begin(const char *stem) {
    const char *wanted = getenv("VIDRIO_ISA");
    limit = wanted == NULL || *wanted == '\0' ? VD_ISA_COUNT : named(wanted);
    printf("%s:", stem);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa++) {
        runs[isa] = vd_isa_usable(isa) && (limit == VD_ISA_COUNT || within_limit(isa));
        emulated[isa] = is_emulated(isa);
        printf(!runs[isa]      ? " (not %s)"
               : emulated[isa] ? " %s (emulated)"
                               : " %s",
               vd_isa_name(isa));
    }
    printf("\n");
    fflush(stdout);
    describe_faults();
}

void test_begin_emulated(const char *stem, vd_isa greatest) {
    (void)greatest;
#if VD_X86_64 && defined(__linux__)
    emulate_missing_isas(greatest);
#endif
    test_begin(stem);
}

#include "support/isas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arch.h"
#include "support/check.h"
#if VD_X86_64 && defined(__linux__)
#include "support/x86/emulator.h"
#else
static void emulate_missing_isas(vd_isa last) { (void)last; }

static int emulates(vd_isa isa) {
    (void)isa;
    return 0;
}

static int emulated_tile_holders(void) { return 0; }
#endif

// Kept, since CPUID takes tens of microseconds on a virtual machine.
static int runs[VD_ISA_COUNT], emulated[VD_ISA_COUNT];

int isa_runs(vd_isa isa) { return runs[isa]; }

int isa_is_emulated(vd_isa isa) { return emulated[isa]; }

vd_isa next_isa(vd_isa isa) {
    do {
        isa++;
    } while (isa < VD_ISA_COUNT && !isa_runs(isa));
    return isa;
}

int held_tiles(void) { return emulated_tile_holders(); }

// ---- costs of emulation ------------------------------------------------------------------------

// The emulated instructions that each case of a sweep pays for, whether it runs or not.
enum { PAID = 30 };

// A tile instruction computes more products, but takes as long as many others and may be partly
// empty.
static int64_t products_of_instruction(vd_isa isa) {
    switch (isa) {
        case VD_ISA_AVX_VNNI:
        case VD_ISA_AVX512_BF16:
            return 32;
        case VD_ISA_AVX512_VNNI:
            return 64;
        default:
            return 1024;
    }
}

// Returns the fewest products of an emulated instruction of the set and those that it contains.
static int64_t products_of_emulated_instruction(vd_isa isa) {
    int64_t fewest = products_of_instruction(isa);
    for (vd_isa part = isa; part != VD_ISA_SCALAR; part = vd_isa_base(part)) {
        if (emulated[part] && products_of_instruction(part) < fewest) {
            fewest = products_of_instruction(part);
        }
    }
    return fewest;
}

int skips_case(vd_isa isa, int64_t products) {
    static int64_t owed[VD_ISA_COUNT];
    if (!emulated[isa]) {
        return 0;
    }
    owed[isa] -= PAID;
    if (owed[isa] > 0) {
        return 1;
    }
    owed[isa] += products / products_of_emulated_instruction(isa);
    return 0;
}

// ---- choice of sets ----------------------------------------------------------------------------

static int contains(vd_isa isa, vd_isa part) {
    while (isa != part && isa != VD_ISA_SCALAR) {
        isa = vd_isa_base(isa);
    }
    return isa == part;
}

static int is_of_this_architecture(vd_isa isa) {
    return isa == VD_ISA_SCALAR || (VD_X86_64 && contains(isa, VD_ISA_AVX2)) ||
           (VD_AARCH64 && contains(isa, VD_ISA_NEON));
}

// Returns the set that VIDRIO_ISA names, or VD_ISA_COUNT if it is not set.
static vd_isa limit(void) {
    const char *name = getenv("VIDRIO_ISA");
    if (name == NULL || *name == '\0') {
        return VD_ISA_COUNT;
    }
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa++) {
        if (strcmp(name, vd_isa_name(isa)) == 0) {
            return isa;
        }
    }
    fail("VIDRIO_ISA: unknown instruction set: %s", name);
}

// Returns whether VD_TEST_ISAS has a value.
static int wants(const char *value) {
    const char *given = getenv("VD_TEST_ISAS");
    if (given == NULL || *given == '\0') {
        return 0;
    }
    if (strcmp(given, "all") != 0 && strcmp(given, "best") != 0) {
        fail("VD_TEST_ISAS: unknown value: %s; supported: all, best", given);
    }
    return strcmp(given, value) == 0;
}

// Returns the best set that this processor has, up to a limit.
static vd_isa best(vd_isa last) {
    vd_isa best = VD_ISA_SCALAR;
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa++) {
        if (vd_isa_usable(isa) && !emulates(isa) && (last == VD_ISA_COUNT || contains(last, isa))) {
            best = isa;
        }
    }
    return best;
}

static void begin(const char *stem, vd_isa last_emulated) {
    vd_isa last = limit();
    vd_isa only = wants("best") ? best(last) : VD_ISA_COUNT;
    emulate_missing_isas(last_emulated);
    printf("%s:", stem);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa++) {
        runs[isa] = vd_isa_usable(isa) && (last == VD_ISA_COUNT || contains(last, isa)) &&
                    (only == VD_ISA_COUNT || isa == only || isa == VD_ISA_SCALAR);
        emulated[isa] = emulates(isa);
        if (runs[isa]) {
            printf(" %s%s", vd_isa_name(isa), emulated[isa] ? " (emulated)" : "");
        }
    }
    const char *separator = "; not tested:";
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa++) {
        if (is_of_this_architecture(isa) && !runs[isa]) {
            printf("%s %s", separator, vd_isa_name(isa));
            separator = "";
        }
    }
    printf("\n");
    fflush(stdout);
    describe_faults();
}

void test_begin(const char *stem) { begin(stem, wants("all") ? VD_ISA_COUNT - 1 : VD_ISA_SCALAR); }

void test_begin_emulated(const char *stem, vd_isa last) {
    begin(stem, wants("all") ? VD_ISA_COUNT - 1 : last);
}

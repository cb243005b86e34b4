// Detection of instruction sets: CPUID says what the processor has, XGETBV which registers the
// operating system saves.
#include <stdlib.h>
#include <string.h>

#include "core/arch.h"
#include "vidrio.h"

#if VD_X86_64
#include <cpuid.h>

enum { XCR0_AVX = 0x6, XCR0_AVX512 = 0xe6 };

static uint32_t xcr0(void) {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static int has(uint32_t bits, uint32_t wanted) { return (bits & wanted) == wanted; }

static vd_isa detect(void) {
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C)) {
        return VD_ISA_SCALAR;
    }
    uint32_t saved = xcr0();
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has(b, bit_AVX2) || !has(saved, XCR0_AVX)) {
        return VD_ISA_SCALAR;
    }
    if (has(b, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL) &&
        has(c, bit_AVX512VNNI) && has(saved, XCR0_AVX512)) {
        return VD_ISA_AVX512_VNNI;
    }
    return VD_ISA_AVX2;
}
#else
static vd_isa detect(void) { return VD_ISA_SCALAR; }
#endif

static const char *const names[VD_ISA_COUNT] = {
    [VD_ISA_SCALAR] = "scalar",
    [VD_ISA_AVX2] = "avx2",
    [VD_ISA_AVX512_VNNI] = "avx512_vnni",
};

const char *vd_isa_name(vd_isa isa) { return isa >= 0 && isa < VD_ISA_COUNT ? names[isa] : NULL; }

int32_t vd_isa_usable(vd_isa isa) { return isa >= 0 && isa <= detect(); }

vd_status vd_isa_pick(vd_isa *isa) {
    if (isa == NULL) {
        return VD_INVALID_ARGUMENT;
    }
    const char *wanted = getenv("VIDRIO_ISA");
    if (wanted == NULL || wanted[0] == '\0') {
        *isa = detect();
        return VD_OK;
    }
    *isa = VD_ISA_SCALAR;
    for (int32_t i = 0; i < VD_ISA_COUNT; i++) {
        if (strcmp(wanted, names[i]) == 0) {
            if (!vd_isa_usable((vd_isa)i)) {
                return VD_UNSUPPORTED;
            }
            *isa = (vd_isa)i;
            return VD_OK;
        }
    }
    return VD_INVALID_ARGUMENT;
}

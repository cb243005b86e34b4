// Detection of instruction sets. On x86, CPUID reports the processor's features and XGETBV the
// registers that the operating system saves; Linux saves AMX tiles only for processes that have
// requested them. On Arm the operating system must be queried.
#include <stdlib.h>
#include <string.h>

#include "core/arch.h"
#include "vidrio.h"

#if VD_X86_64
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum {
    XCR0_AVX = 0x6,
    XCR0_AVX512 = 0xe6,
    XCR0_AMX = 0x60000,
    AVX_VNNI = 1 << 4,
    AVX512_BF16 = 1 << 5,
    AMX_TILE_INT8 = 3 << 24,
    AMX_BF16 = 1 << 22,
};

static uint32_t xcr0(void) {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static int has(uint32_t bits, uint32_t wanted) { return (bits & wanted) == wanted; }

// Requests AMX tile data for all threads, present and future; repeated requests are harmless. Linux
// refuses if a thread's signal stack is too small for it.
static int permitted_tiles(void) {
#if defined(__linux__)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
    return 0;
#endif
}

// Returns the usable AVX-512 sets. c and d are registers of CPUID leaf 7, `added` is EAX of its
// sub-leaf 1.
static uint32_t detect_avx512(uint32_t c, uint32_t d, uint32_t added, uint32_t saved) {
    uint32_t usable = 0;
    if (!has(c, bit_AVX512VNNI) || !has(saved, XCR0_AVX512)) {
        return usable;
    }
    usable |= 1u << VD_ISA_AVX512_VNNI;
    if (!has(added, AVX512_BF16)) {
        return usable;
    }
    usable |= 1u << VD_ISA_AVX512_BF16;
    if (has(d, AMX_TILE_INT8) && has(saved, XCR0_AMX) && permitted_tiles()) {
        usable |= 1u << VD_ISA_AMX_INT8;
        usable |= has(d, AMX_BF16) ? 1u << VD_ISA_AMX_BF16 : 0;
    }
    return usable;
}

// Returns the usable sets as a bit mask, bit i for set i.
static uint32_t detect(void) {
    uint32_t usable = 1u << VD_ISA_SCALAR;
    uint32_t a, b, c, d, added, ignored;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C)) {
        return usable;
    }
    uint32_t saved = xcr0();
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has(b, bit_AVX2) || !has(saved, XCR0_AVX) ||
        !__get_cpuid_count(7, 1, &added, &ignored, &ignored, &ignored)) {
        return usable;
    }
    usable |= 1u << VD_ISA_AVX2;
    usable |= has(added, AVX_VNNI) ? 1u << VD_ISA_AVX_VNNI : 0;
    if (has(b, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL)) {
        usable |= detect_avx512(c, d, added, saved);
    }
    return usable;
}
#elif VD_AARCH64
#if defined(__linux__)
#include <sys/auxv.h>

enum { DOTPROD = 1 << 20, I8MM = 1 << 13 };  // bits of AT_HWCAP and AT_HWCAP2

static int has_dotprod(void) { return (getauxval(AT_HWCAP) & DOTPROD) != 0; }
static int has_i8mm(void) { return (getauxval(AT_HWCAP2) & I8MM) != 0; }
#elif defined(__APPLE__)
#include <sys/sysctl.h>

static int has_feature(const char *name) {
    int32_t value = 0;
    size_t bytes = sizeof value;
    return sysctlbyname(name, &value, &bytes, NULL, 0) == 0 && value != 0;
}

static int has_dotprod(void) { return has_feature("hw.optional.arm.FEAT_DotProd"); }
static int has_i8mm(void) { return has_feature("hw.optional.arm.FEAT_I8MM"); }
#elif defined(_WIN32)
#include <windows.h>

enum { DOTPROD = 43, I8MM = 66 };  // features of winnt.h; older headers lack the second

static int has_dotprod(void) { return IsProcessorFeaturePresent(DOTPROD) != 0; }
static int has_i8mm(void) { return IsProcessorFeaturePresent(I8MM) != 0; }
#else
#error "instruction sets cannot be queried on this operating system"
#endif

// NEON is mandatory in AArch64.
static uint32_t detect(void) {
    uint32_t usable = 1u << VD_ISA_SCALAR | 1u << VD_ISA_NEON;
    if (has_dotprod()) {
        usable |= 1u << VD_ISA_DOTPROD;
        usable |= has_i8mm() ? 1u << VD_ISA_I8MM : 0;
    }
    return usable;
}
#else
static uint32_t detect(void) { return 1u << VD_ISA_SCALAR; }
#endif

typedef struct isa_facts {
    const char *name;
    vd_isa base;
} isa_facts;

static const isa_facts facts[VD_ISA_COUNT] = {
    [VD_ISA_SCALAR] = {"scalar", VD_ISA_SCALAR},
    [VD_ISA_AVX2] = {"avx2", VD_ISA_SCALAR},
    [VD_ISA_AVX_VNNI] = {"avx_vnni", VD_ISA_AVX2},
    [VD_ISA_AVX512_VNNI] = {"avx512_vnni", VD_ISA_AVX2},
    [VD_ISA_AVX512_BF16] = {"avx512_bf16", VD_ISA_AVX512_VNNI},
    [VD_ISA_AMX_INT8] = {"amx_int8", VD_ISA_AVX512_BF16},
    [VD_ISA_AMX_BF16] = {"amx_bf16", VD_ISA_AMX_INT8},
    [VD_ISA_NEON] = {"neon", VD_ISA_SCALAR},
    [VD_ISA_DOTPROD] = {"dotprod", VD_ISA_NEON},
    [VD_ISA_I8MM] = {"i8mm", VD_ISA_DOTPROD},
};

static int known(vd_isa isa) { return isa >= 0 && isa < VD_ISA_COUNT; }

const char *vd_isa_name(vd_isa isa) { return known(isa) ? facts[isa].name : NULL; }

vd_isa vd_isa_base(vd_isa isa) { return known(isa) ? facts[isa].base : VD_ISA_SCALAR; }

int32_t vd_isa_usable(vd_isa isa) { return known(isa) && (detect() >> isa & 1) != 0; }

static vd_isa best(void) {
    uint32_t usable = detect();
    vd_isa isa = VD_ISA_COUNT - 1;
    while ((usable >> isa & 1) == 0) {
        isa--;
    }
    return isa;
}

vd_status vd_isa_pick(vd_isa *isa) {
    if (isa == NULL) {
        return VD_INVALID_ARGUMENT;
    }
    const char *wanted = getenv("VIDRIO_ISA");
    if (wanted == NULL || wanted[0] == '\0') {
        *isa = best();
        return VD_OK;
    }
    *isa = VD_ISA_SCALAR;
    for (int32_t i = 0; i < VD_ISA_COUNT; i++) {
        if (strcmp(wanted, facts[i].name) == 0) {
            if (!vd_isa_usable((vd_isa)i)) {
                return VD_UNSUPPORTED;
            }
            *isa = (vd_isa)i;
            return VD_OK;
        }
    }
    return VD_INVALID_ARGUMENT;
}

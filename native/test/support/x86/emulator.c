#include "support/x86/emulator.h"

#include <cpuid.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>
#include <xmmintrin.h>

#include "support/check.h"
#include "support/x86/tiles.h"
#include "support/x86/vectors.h"

// ---- machine state as the kernel passes it to a signal handler ---------------------------------

// An XSAVE area: its header has a bit for each component that is not in its initial state. The
// components that hold parts of vector registers, by their bits:
enum { SSE = 1, AVX = 2, ZMM_UPPER = 6, ZMM_16_TO_31 = 7, COMPONENTS = 8 };
enum { SSE_OFFSET = 160, HEADER_OFFSET = 512, PART_BYTES = 16, LEGACY_REGISTERS = 16 };

typedef struct component {
    uint32_t bytes, offset;  // bytes 0: the processor does not have it
} component;

static component components[COMPONENTS];

// Returns the components that the operating system saves, bit i for component i.
static uint32_t saved_components(void) {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static void find_components(void) {
    components[SSE] = (component){LEGACY_REGISTERS * PART_BYTES, SSE_OFFSET};
    for (unsigned i = AVX; i < COMPONENTS; i++) {
        component c = {0, 0};
        uint32_t ignored;
        if (saved_components() >> i & 1) {
            __get_cpuid_count(0xd, i, &c.bytes, &c.offset, &ignored, &ignored);
        }
        components[i] = c;
    }
}

static int64_t *general(ucontext_t *context, int number) {
    static const int slots[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                  REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                  REG_R12, REG_R13, REG_R14, REG_R15};
    return (int64_t *)&context->uc_mcontext.gregs[slots[number]];
}

// Stores zeros for components in their initial state, which may not be in memory.
static void complete_vectors(uint8_t *area) {
    static const int used[] = {SSE, AVX, ZMM_UPPER, ZMM_16_TO_31};
    uint64_t present;
    memcpy(&present, area + HEADER_OFFSET, sizeof present);
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++) {
        component c = components[used[i]];
        if (c.bytes > 0 && (present >> used[i] & 1) == 0) {
            memset(area + c.offset, 0, c.bytes);
            present |= (uint64_t)1 << used[i];
        }
    }
    memcpy(area + HEADER_OFFSET, &present, sizeof present);
}

// Returns 16 bytes of a vector register.
static uint8_t *vector_part(ucontext_t *context, int number, int part) {
    uint8_t *area = (uint8_t *)context->uc_mcontext.fpregs;
    if (number >= LEGACY_REGISTERS) {
        return area + components[ZMM_16_TO_31].offset +
               (number - LEGACY_REGISTERS) * VECTOR_BYTES_MAX + part * PART_BYTES;
    }
    if (part < 2) {
        return area + components[part == 0 ? SSE : AVX].offset + number * PART_BYTES;
    }
    return area + components[ZMM_UPPER].offset + (2 * number + part - 2) * PART_BYTES;
}

static void read_vector(ucontext_t *context, int number, uint8_t *to, int bytes) {
    for (int part = 0; part < bytes / PART_BYTES; part++) {
        memcpy(to + part * PART_BYTES, vector_part(context, number, part), PART_BYTES);
    }
}

// Writes the first bytes of a register and zeros the rest.
static void write_vector(ucontext_t *context, int number, const uint8_t *from, int bytes) {
    int parts = components[ZMM_UPPER].bytes > 0 ? 4 : 2;
    for (int part = 0; part < parts; part++) {
        uint8_t *to = vector_part(context, number, part);
        if (part < bytes / PART_BYTES) {
            memcpy(to, from + part * PART_BYTES, PART_BYTES);
        } else {
            memset(to, 0, PART_BYTES);
        }
    }
}

// ---- decoding ----------------------------------------------------------------------------------

typedef struct instruction {
    int evex;                       // EVEX, else VEX
    int map, prefix, wide, opcode;  // prefix: 0 none, 1 66, 2 F3, 3 F2
    int vector_bytes;
    int masked, broadcast;  // EVEX only
    int reg, vvvv;          // operands
    int is_memory;
    int rm;               // the register, if it is not memory
    uint8_t *address;     // else base + displacement + index
    uint8_t *tile_base;   // base + displacement
    int64_t tile_stride;  // index
    int bytes;
} instruction;

// The upper bits of register numbers.
typedef struct extensions {
    int r, x, b;
} extensions;

static int64_t displacement(const uint8_t *p, int bytes, int scale) {
    int32_t value = 0;
    if (bytes == 1) {
        value = (int8_t)*p * scale;
    } else if (bytes == 4) {
        memcpy(&value, p, 4);
    }
    return value;
}

// Decodes ModRM, SIB and displacement at p, `before` bytes after the instruction pointer.
static void decode_operands(instruction *i, ucontext_t *context, const uint8_t *p, int before,
                            extensions high) {
    const uint8_t *start = p;
    int mod = *p >> 6, rm = *p & 7;
    i->reg = (*p >> 3 & 7) | high.r << 3;
    i->rm = rm | high.b << 3;
    i->is_memory = mod != 3;
    p++;
    if (!i->is_memory) {
        i->rm |= i->evex ? high.x << 4 : 0;
        i->bytes = before + 1;
        return;
    }
    int64_t base = 0, index = 0;
    int width = mod == 1 ? 1 : mod == 2 ? 4 : 0, relative = 0;
    if (rm == 4) {
        int scale = *p >> 6, index_register = (*p >> 3 & 7) | high.x << 3, base_register = *p & 7;
        p++;
        if (index_register != 4) {
            index = *general(context, index_register) * (1 << scale);
        }
        if (base_register == 5 && mod == 0) {
            width = 4;
        } else {
            base = *general(context, base_register | high.b << 3);
        }
    } else if (rm == 5 && mod == 0) {
        width = 4;
        relative = 1;
    } else {
        base = *general(context, i->rm);
    }
    // EVEX scales displacements of one byte by the size of the operand.
    base += displacement(p, width, !i->evex ? 1 : i->broadcast ? 4 : i->vector_bytes);
    i->bytes = before + (int)(p - start) + width;
    base += relative ? (int64_t)context->uc_mcontext.gregs[REG_RIP] + i->bytes : 0;
    i->tile_base = (uint8_t *)base;
    i->tile_stride = index;
    i->address = (uint8_t *)(base + index);
}

// Decodes an instruction with a VEX prefix of three bytes or an EVEX prefix. UD2 before it is
// skipped: that forces emulation of an instruction that the processor has.
static int decode(instruction *i, ucontext_t *context) {
    const uint8_t *first = (const uint8_t *)context->uc_mcontext.gregs[REG_RIP], *p = first;
    if (p[0] == 0x0f && p[1] == 0x0b) {
        p += 2;
    }
    if (p[0] != 0xc4 && p[0] != 0x62) {
        return 0;
    }
    extensions high = {.r = !(p[1] >> 7 & 1), .x = !(p[1] >> 6 & 1), .b = !(p[1] >> 5 & 1)};
    *i = (instruction){.evex = p[0] == 0x62,
                       .map = p[1] & (p[0] == 0x62 ? 15 : 31),
                       .prefix = p[2] & 3,
                       .wide = p[2] >> 7,
                       .vvvv = ~(p[2] >> 3) & 15};
    if (i->evex) {
        high.r |= !(p[1] >> 4 & 1) << 1;
        i->masked = (p[3] & 0x87) != 0;
        i->vvvv |= !(p[3] >> 3 & 1) << 4;
        i->broadcast = p[3] >> 4 & 1;
        i->vector_bytes = PART_BYTES << (p[3] >> 5 & 3);
        p += 4;
    } else {
        i->vector_bytes = PART_BYTES << (p[2] >> 2 & 1);
        p += 3;
    }
    i->opcode = *p++;
    decode_operands(i, context, p, (int)(p - first), high);
    return i->map == 2 && !i->wide && !i->masked && i->vector_bytes <= VECTOR_BYTES_MAX &&
           (i->is_memory || !i->broadcast);
}

// ---- vectors -----------------------------------------------------------------------------------

typedef void vector_operation(uint8_t *y, const uint8_t *a, const uint8_t *b, int bytes);

static vector_operation *find_vector_operation(const instruction *i) {
    switch (i->evex << 12 | i->opcode << 4 | i->prefix) {
        case 0x0501:
        case 0x1501:
            return vector_dot_bytes;
        case 0x1522:
            return vector_dot_bf16;
        case 0x1723:
            return vector_round_to_bf16;
        default:
            return NULL;
    }
}

static void run_vector_operation(const instruction *i, ucontext_t *context,
                                 vector_operation *operation) {
    uint8_t y[VECTOR_BYTES_MAX], a[VECTOR_BYTES_MAX], b[VECTOR_BYTES_MAX];
    complete_vectors((uint8_t *)context->uc_mcontext.fpregs);
    read_vector(context, i->reg, y, i->vector_bytes);
    read_vector(context, i->vvvv, a, i->vector_bytes);
    if (!i->is_memory) {
        read_vector(context, i->rm, b, i->vector_bytes);
    }
    int part = !i->is_memory ? 0 : i->broadcast ? 4 : i->vector_bytes;
    for (int at = 0; part > 0 && at < i->vector_bytes; at += part) {
        memcpy(b + at, i->address, (size_t)part);
    }
    operation(y, a, b, i->vector_bytes);
    write_vector(context, i->reg, y, i->vector_bytes);
}

// ---- tiles -------------------------------------------------------------------------------------

static _Thread_local tile_state tiles;
static atomic_int tile_holders;

int emulated_tile_holders(void) { return tile_holders; }

static void configure(const void *config) {
    tile_holders += tiles.config.palette == 0;
    tiles_configure(&tiles, config);
}

static void release(void) {
    tile_holders -= tiles.config.palette != 0;
    tiles_release(&tiles);
}

static int run_tile_instruction(const instruction *i) {
    switch (i->opcode << 4 | i->prefix << 2 | i->is_memory) {
        case 0x49 << 4 | 0 << 2 | 1:
            configure(i->address);
            return 1;
        case 0x49 << 4 | 0 << 2 | 0:
            release();
            return i->reg == 0 && i->rm == 0;
        case 0x49 << 4 | 3 << 2 | 0:
            tile_zero(&tiles, i->reg);
            return 1;
        case 0x4b << 4 | 3 << 2 | 1:
        case 0x4b << 4 | 1 << 2 | 1:  // with the hint that the data is not used again soon
            tile_load(&tiles, i->reg, i->tile_base, i->tile_stride);
            return 1;
        case 0x4b << 4 | 2 << 2 | 1:
            tile_store(&tiles, i->reg, i->tile_base, i->tile_stride);
            return 1;
        case 0x5c << 4 | 2 << 2 | 0:
            tile_dot_bf16(&tiles, i->reg, i->rm, i->vvvv);
            return 1;
        case 0x5e << 4 | 0 << 2 | 0:
        case 0x5e << 4 | 1 << 2 | 0:
        case 0x5e << 4 | 2 << 2 | 0:
        case 0x5e << 4 | 3 << 2 | 0:
            tile_dot_bytes(&tiles, i->reg, i->rm, i->vvvv,
                           (byte_signs){.a = i->prefix >> 1, .b = i->prefix & 1});
            return 1;
        default:
            return 0;
    }
}

// ---- the handler -------------------------------------------------------------------------------

static int run(const instruction *i, ucontext_t *context) {
    // Instructions on BF16 ignore MXCSR. Returning from the handler restores it.
    enum { FLUSH_TO_ZERO = 1 << 15, DENORMALS_ARE_ZEROS = 1 << 6 };
    _mm_setcsr(_mm_getcsr() | FLUSH_TO_ZERO | DENORMALS_ARE_ZEROS);
    vector_operation *operation = find_vector_operation(i);
    if (operation != NULL) {
        run_vector_operation(i, context, operation);
        return 1;
    }
    return !i->evex && run_tile_instruction(i);
}

// An unknown instruction runs again without this handler, which ends the program.
static void on_illegal_instruction(int signal, siginfo_t *info, void *argument) {
    (void)info;
    ucontext_t *context = argument;
    instruction i;
    if (decode(&i, context) && run(&i, context)) {
        context->uc_mcontext.gregs[REG_RIP] += i.bytes;
    } else {
        struct sigaction usual = {.sa_handler = SIG_DFL};
        sigaction(signal, &usual, NULL);
    }
}

// ---- sets --------------------------------------------------------------------------------------

// The linker redirects calls of vd_isa_usable to the first of these.
int32_t __wrap_vd_isa_usable(vd_isa isa);
int32_t __real_vd_isa_usable(vd_isa isa);

static uint32_t emulated;  // bit i for set i

int emulates(vd_isa isa) {
    return isa >= 0 && isa < VD_ISA_COUNT && (emulated >> isa & 1) && !__real_vd_isa_usable(isa);
}

int32_t __wrap_vd_isa_usable(vd_isa isa) { return __real_vd_isa_usable(isa) || emulates(isa); }

static int has_avx512(void) {
    const uint32_t wanted = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    uint32_t a, b = 0, c, d;
    __get_cpuid_count(7, 0, &a, &b, &c, &d);
    return (b & wanted) == wanted && components[ZMM_16_TO_31].bytes > 0;
}

void emulate_missing_isas(vd_isa last) {
    if (last < VD_ISA_AVX_VNNI || !__real_vd_isa_usable(VD_ISA_AVX2)) {
        return;
    }
    find_components();
    for (vd_isa isa = VD_ISA_AVX_VNNI; isa <= VD_ISA_AMX_BF16 && isa <= last; isa++) {
        int possible =
            __wrap_vd_isa_usable(vd_isa_base(isa)) && (isa != VD_ISA_AVX512_VNNI || has_avx512());
        emulated |= (uint32_t)possible << isa;
    }
    struct sigaction action = {.sa_sigaction = on_illegal_instruction, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &action, NULL);
}

#include "support/x86/emulator.h"

#include <cpuid.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#include "support/check.h"
#include "support/x86/tiles.h"

// ---- machine state as the kernel hands it to a signal handler ----------------------------------

enum { XMM_OFFSET = 160, XSTATE_BV_OFFSET = 512, XSTATE_AVX = 4, XMM_BYTES = 16 };

static uint32_t avx_offset;  // of the upper halves of ymm registers in an XSAVE area

static int64_t *general(ucontext_t *context, int number) {
    static const int places[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                   REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                   REG_R12, REG_R13, REG_R14, REG_R15};
    return (int64_t *)&context->uc_mcontext.gregs[places[number]];
}

static uint8_t *saved_area(ucontext_t *context) { return (uint8_t *)context->uc_mcontext.fpregs; }

// The upper halves are not in memory while all of them are zero.
static void fetch_upper_halves(ucontext_t *context) {
    uint8_t *area = saved_area(context);
    uint64_t present;
    memcpy(&present, area + XSTATE_BV_OFFSET, sizeof present);
    if ((present & XSTATE_AVX) == 0) {
        memset(area + avx_offset, 0, 16 * XMM_BYTES);
        present |= XSTATE_AVX;
        memcpy(area + XSTATE_BV_OFFSET, &present, sizeof present);
    }
}

static uint8_t *half_of_ymm(ucontext_t *context, int number, int half) {
    return saved_area(context) + (half == 0 ? XMM_OFFSET : avx_offset) + number * XMM_BYTES;
}

// ---- decoding ----------------------------------------------------------------------------------

typedef struct instruction {
    int map, prefix, wide, length256, opcode;  // prefix: 0 none, 1 66, 2 F3, 3 F2
    int reg, vvvv;                             // operands
    int is_memory;
    int rm;               // the register, where it is not memory
    uint8_t *address;     // else base + displacement + index
    uint8_t *tile_base;   // the same without the index,
    int64_t tile_stride;  // which is the stride of a tile
    int bytes;
} instruction;

static int64_t displacement(const uint8_t *p, int bytes) {
    int32_t value = (int8_t)*p;
    if (bytes == 4) {
        memcpy(&value, p, 4);
    }
    return bytes == 0 ? 0 : value;
}

// Decodes ModRM and what follows at p, after `before` bytes of the instruction.
static void decode_operands(instruction *i, ucontext_t *context, const uint8_t *p, int before,
                            int r, int x, int b) {
    const uint8_t *start = p;
    int mod = *p >> 6, rm = *p & 7;
    i->reg = (*p >> 3 & 7) | r << 3;
    i->rm = rm | b << 3;
    i->is_memory = mod != 3;
    p++;
    if (!i->is_memory) {
        i->bytes = before + 1;
        return;
    }
    int64_t base = 0, index = 0;
    int width = mod == 1 ? 1 : mod == 2 ? 4 : 0, relative = 0;
    if (rm == 4) {
        int scale = *p >> 6, index_register = (*p >> 3 & 7) | x << 3, base_register = *p & 7;
        p++;
        if (index_register != 4) {
            index = *general(context, index_register) * (1 << scale);
        }
        if (base_register == 5 && mod == 0) {
            width = 4;
        } else {
            base = *general(context, base_register | b << 3);
        }
    } else if (rm == 5 && mod == 0) {
        width = 4;
        relative = 1;
    } else {
        base = *general(context, i->rm);
    }
    base += displacement(p, width);
    i->bytes = before + (int)(p - start) + width;
    base += relative ? (int64_t)context->uc_mcontext.gregs[REG_RIP] + i->bytes : 0;
    i->tile_base = (uint8_t *)base;
    i->tile_stride = index;
    i->address = (uint8_t *)(base + index);
}

// Instructions with a VEX prefix of three bytes, as all of these have.
static int decode(instruction *i, ucontext_t *context) {
    const uint8_t *p = (const uint8_t *)context->uc_mcontext.gregs[REG_RIP];
    if (p[0] != 0xc4) {
        return 0;
    }
    *i = (instruction){.map = p[1] & 31,
                       .prefix = p[2] & 3,
                       .wide = p[2] >> 7,
                       .length256 = p[2] >> 2 & 1,
                       .vvvv = ~(p[2] >> 3) & 15,
                       .opcode = p[3]};
    decode_operands(i, context, p + 4, 4, !(p[1] >> 7 & 1), !(p[1] >> 6 & 1), !(p[1] >> 5 & 1));
    return i->map == 2 && !i->wide;
}

// ---- AVX-VNNI ----------------------------------------------------------------------------------

static void dot_lanes(uint8_t *sums, const uint8_t *u, const uint8_t *s) {
    for (int lane = 0; lane < XMM_BYTES; lane += 4) {
        uint32_t sum;
        memcpy(&sum, sums + lane, 4);
        for (int k = lane; k < lane + 4; k++) {
            sum += (uint32_t)(u[k] * (int8_t)s[k]);
        }
        memcpy(sums + lane, &sum, 4);
    }
}

// vpdpbusd reg, vvvv, rm
static void dot_bytes(const instruction *i, ucontext_t *context) {
    fetch_upper_halves(context);
    for (int half = 0; half < 1 + i->length256; half++) {
        const uint8_t *s =
            i->is_memory ? i->address + half * XMM_BYTES : half_of_ymm(context, i->rm, half);
        dot_lanes(half_of_ymm(context, i->reg, half), half_of_ymm(context, i->vvvv, half), s);
    }
    if (!i->length256) {
        memset(half_of_ymm(context, i->reg, 1), 0, XMM_BYTES);
    }
}

// ---- AMX ---------------------------------------------------------------------------------------

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

// An instruction that is not known here runs again without this handler, and ends the program.
static void on_illegal_instruction(int signal, siginfo_t *info, void *argument) {
    (void)info;
    ucontext_t *context = argument;
    instruction i;
    int done = decode(&i, context);
    if (done && i.opcode == 0x50 && i.prefix == 1) {
        dot_bytes(&i, context);
    } else {
        done = done && run_tile_instruction(&i);
    }
    if (done) {
        context->uc_mcontext.gregs[REG_RIP] += i.bytes;
    } else {
        struct sigaction usual = {.sa_handler = SIG_DFL};
        sigaction(signal, &usual, NULL);
    }
}

// The linker sends calls of vd_isa_usable to the first of these.
int32_t __wrap_vd_isa_usable(vd_isa isa);
int32_t __real_vd_isa_usable(vd_isa isa);

static uint32_t emulated;  // bit i for set i

int emulates(vd_isa isa) {
    return isa >= 0 && isa < VD_ISA_COUNT && (emulated >> isa & 1) && !__real_vd_isa_usable(isa);
}

int32_t __wrap_vd_isa_usable(vd_isa isa) { return __real_vd_isa_usable(isa) || emulates(isa); }

void emulate_missing_isas(vd_isa greatest) {
    uint32_t size, c, d;
    if (__get_cpuid_count(0xd, 2, &size, &avx_offset, &c, &d) == 0 || size != 16 * XMM_BYTES) {
        return;
    }
    static const vd_isa sets[] = {VD_ISA_AVX_VNNI, VD_ISA_AMX_INT8, VD_ISA_AMX_BF16};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0] && sets[i] <= greatest; i++) {
        emulated |= (uint32_t)(__wrap_vd_isa_usable(vd_isa_base(sets[i])) != 0) << sets[i];
    }
    struct sigaction action = {.sa_sigaction = on_illegal_instruction, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &action, NULL);
}

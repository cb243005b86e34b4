// Measures the peak rates of the machine, to which vidrio bench compares kernels.
#include "probe/probe.h"

#include <math.h>

#include "core/pool.h"
#include "os/thread.h"

enum { ARITHMETIC_KINDS = 3 };

static const vd_probe_kernel *kernel_of(vd_probe_kind kind, vd_isa isa) {
    static const vd_probe_kernel *const kernels[VD_ISA_COUNT][ARITHMETIC_KINDS] = {
#define VD_VARIANT(isa, f32, int8, bf16) \
    [isa] = {&vd_probe_##f32, &vd_probe_##int8, &vd_probe_##bf16},
#include "probe/probe_kernels.inc"
#undef VD_VARIANT
    };
    switch (kind) {
        case VD_PROBE_F32_FMA:
            return kernels[isa][0];
        case VD_PROBE_INT8_DOT:
            return kernels[isa][1];
        case VD_PROBE_BF16_DOT:
            return kernels[isa][2];
        default:
            return NULL;
    }
}

enum {
    ROUNDS = 5000,           // of arithmetic in a piece of work: a fraction of a millisecond
    PIECES = 20,             // of a measurement, for each worker
    READ_BYTES = 256 << 20,  // in total, larger than the caches of most machines
    MEASUREMENTS_MIN = 3
};

typedef struct measurement {
    const vd_probe_kernel *kernel;  // null: reads
    const uint64_t *memory;
    int64_t bytes;    // of memory
    atomic_int next;  // piece of arithmetic
    atomic_uint_fast64_t sink;
} measurement;

// Four streams, since one does not keep enough cache lines in flight, with eight sums each, so that
// additions do not wait for each other.
static uint64_t read_words(const uint64_t *p, int64_t n) {
    enum { STREAMS = 4, SUMS = 8 };
    uint64_t sum[SUMS] = {0};
    int64_t length = n / STREAMS;
    for (int64_t i = 0; i + SUMS <= length; i += SUMS) {
        for (int k = 0; k < STREAMS; k++) {
            for (int j = 0; j < SUMS; j++) {
                sum[j] += p[k * length + i + j];
            }
        }
    }
    return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

// Takes pieces of arithmetic from a counter, since cores may have different speeds.
static void run_measurement(void *argument, const vd_worker *worker) {
    measurement *s = argument;
    uint64_t result = 0;
    if (s->kernel == NULL) {
        vd_range share = vd_share(worker, s->bytes / (int64_t)sizeof(uint64_t));
        result = read_words(s->memory + share.begin, share.end - share.begin);
    } else {
        while (atomic_fetch_add(&s->next, 1) < PIECES * worker->count) {
            result += (uint64_t)fabs(s->kernel->run(ROUNDS));
        }
    }
    atomic_fetch_add(&s->sink, result);
}

static double work(const measurement *s, int32_t workers) {
    double rounds = (double)((int64_t)ROUNDS * PIECES * workers);
    return s->kernel == NULL ? (double)s->bytes : (double)s->kernel->ops * rounds;
}

static double best_rate(measurement *s, vd_pool *pool, double seconds) {
    double amount = work(s, vd_pool_workers(pool));
    double best = 0;
    double start = vd_now();
    for (int i = 0; i < MEASUREMENTS_MIN || vd_now() - start < seconds; i++) {
        atomic_store(&s->next, 0);
        double begin = vd_now();
        vd_pool_run(pool, run_measurement, s);
        double rate = amount / (vd_now() - begin);
        best = rate > best ? rate : best;
    }
    return best;
}

vd_status vd_probe(vd_probe_kind kind, vd_pool *pool, vd_isa isa, int64_t bytes, double seconds,
                   double *per_second) {
    if ((uint32_t)kind > VD_PROBE_BF16_DOT || pool == NULL || per_second == NULL ||
        !(seconds >= 0) || !isfinite(seconds) || bytes < 0) {
        return VD_INVALID_ARGUMENT;
    }
    vd_status status = isa == VD_ISA_AUTO ? vd_isa_pick(&isa) : VD_OK;
    if (status != VD_OK) {
        return status;
    }
    if (!vd_isa_usable(isa)) {
        return VD_UNSUPPORTED;
    }
    bytes = bytes == 0 ? READ_BYTES : bytes;
    void *memory = NULL;
    if (kind == VD_PROBE_READ) {
        status = vd_alloc((size_t)bytes, &memory);
        if (status != VD_OK) {
            return status;
        }
        for (int64_t i = 0; i < bytes; i += 4096) {
            ((char *)memory)[i] = 1;  // untouched pages would all map to the zero page
        }
    }
    measurement s = {.kernel = kernel_of(kind, isa), .memory = memory, .bytes = bytes};
    *per_second = best_rate(&s, pool, seconds);
    vd_free(memory, (size_t)bytes);
    return VD_OK;
}

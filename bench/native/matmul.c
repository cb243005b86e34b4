// Speed of matmul by weight type, number of rows and instruction set, beside the machine's peaks.
//
//   matmul [--isa NAME] [--types q4_1,q8_0] [--rows 1,4,16,512] [--workers W] [--seconds S] [NxK
//   ...]
//
// Each figure is the best of several runs of a plan whose products read different weights, all of
// them together more than the caches hold. The weights are random bits.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vidrio.h"

enum {
    WEIGHT_BYTES = 192 << 20,  // of all matrices of a plan
    PRODUCTS_MAX = 1024,
    LIST_MAX = 32,
    RUNS_MIN = 3
};

typedef struct named_type {
    const char *name;
    vd_type type;
} named_type;

static const named_type types[] = {
    {"f32", VD_F32}, {"f16", VD_F16}, {"q4_0", VD_Q4_0}, {"q4_1", VD_Q4_1}, {"q8_0", VD_Q8_0},
};

enum { TYPES = sizeof types / sizeof types[0] };

typedef struct settings {
    vd_isa isa;
    int32_t workers;
    double seconds;
    char types[256];
    int32_t rows[LIST_MAX];
    int n_rows;
    int32_t shapes[LIST_MAX][2];
    int n_shapes;
} settings;

typedef struct bench {
    vd_pool *pool;
    vd_isa isa;
    double seconds;
    double ops_peak;
    double read_peak;
} bench;

static void check(vd_status status, const char *what) {
    if (status != VD_OK) {
        fprintf(stderr, "%s: %s\n", what, vd_status_name(status));
        exit(1);
    }
}

static double now(void) {
    struct timespec time;
    timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

// Bytes of 0x30 to 0x3f: as numbers of any format, neither tiny nor huge.
static void *random_bytes(size_t bytes) {
    void *memory;
    check(vd_alloc(bytes, &memory), "memory");
    uint64_t state = 1;
    uint8_t *p = memory;
    for (size_t i = 0; i < bytes; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        p[i] = (uint8_t)(0x30 | state >> 60);
    }
    return memory;
}

static int64_t weight_bytes(vd_type type, int64_t N, int64_t K) {
    if (type == VD_F32 || type == VD_F16) {
        return N * K * (type == VD_F32 ? 4 : 2);
    }
    int64_t bytes;
    check(vd_packed_bytes(type, N, K, &bytes), "shape");
    return bytes;
}

static double best_run(const bench *b, const vd_plan *plan, const vd_batch *batch, int32_t n_ops) {
    double best = 0;
    double start = now();
    for (int i = 0; i < RUNS_MIN || now() - start < b->seconds; i++) {
        double begin = now();
        check(vd_plan_run(plan, b->pool, batch, 0, n_ops), "run");
        double time = now() - begin;
        best = best == 0 || time < best ? time : best;
    }
    return best / n_ops;
}

// Seconds of one product.
static double measure(const bench *b, vd_matmul matmul, int32_t M, const void *memory,
                      int64_t bytes) {
    static vd_op ops[PRODUCTS_MAX];
    static int32_t zeros[4096], positions[4096];
    int64_t n_ops = WEIGHT_BYTES / bytes;
    n_ops = n_ops < 1 ? 1 : n_ops > PRODUCTS_MAX ? PRODUCTS_MAX : n_ops;
    for (int64_t i = 0; i < n_ops; i++) {
        ops[i] = (vd_op){.kind = VD_OP_MATMUL, .barrier = 1, .as.matmul = matmul};
        ops[i].as.matmul.weights = (const uint8_t *)memory + i * bytes;
    }
    for (int32_t i = 0; i < M; i++) {
        positions[i] = i;
    }
    vd_batch batch = {.n_tokens = M,
                      .n_sequences = 1,
                      .max_blocks = 4096 / VD_KV_BLOCK,
                      .tokens = zeros,
                      .positions = positions,
                      .sequences = zeros,
                      .block_tables = zeros};
    vd_limits limits = {M, 1, M, 1, 1};
    vd_plan *plan;
    check(vd_plan_create(ops, (int32_t)n_ops, &limits, b->isa, &plan, NULL), "plan");
    double seconds = best_run(b, plan, &batch, (int32_t)n_ops);
    vd_plan_free(plan);
    return seconds;
}

static void report(const bench *b, const named_type *type, int32_t M, int32_t N, int32_t K,
                   const void *memory) {
    size_t values = (size_t)M * (size_t)K;
    void *x, *y;
    check(vd_alloc(values * sizeof(float) * 4, &x), "memory");
    check(vd_alloc((size_t)M * (size_t)N * sizeof(float), &y), "memory");
    vd_quantized xq;
    int32_t *sums = NULL;
    float *floats = x;
    for (size_t i = 0; i < values; i++) {
        floats[i] = (float)(i % 251) * 0.01f - 1.0f;
    }
    xq.q = (int8_t *)(floats + values);
    xq.scale = floats + 2 * values;
    xq.scaled_sum = xq.scale + values / 32;
    sums = (int32_t *)(xq.scaled_sum + values / 32);
    xq.sum = sums;
    for (size_t i = 0; i < values; i++) {
        xq.q[i] = (int8_t)(i % 251 - 125);
    }
    for (size_t i = 0; i < values / 32; i++) {
        xq.scale[i] = xq.scaled_sum[i] = 0.01f;
        sums[i] = 3;
    }
    vd_matmul matmul = {.x = x, .xq = xq, .y = y, .type = type->type, .N = N, .K = K};
    int64_t bytes = weight_bytes(type->type, N, K);
    double seconds = measure(b, matmul, M, memory, bytes);
    double ops = 2.0 * M * N * K / seconds, read = (double)bytes / seconds;
    printf("%-12s %-8s %5d %6d %6d %10.1f %7.1f %6.1f%% %7.2f %6.1f%%\n", vd_isa_name(b->isa),
           type->name, M, N, K, seconds * 1e6, ops * 1e-9, 100 * ops / b->ops_peak, read * 1e-9,
           100 * read / b->read_peak);
    fflush(stdout);
    vd_free(x, values * sizeof(float) * 4);
    vd_free(y, (size_t)M * (size_t)N * sizeof(float));
}

static int listed(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *p = list; *p != '\0';) {
        size_t word = strcspn(p, ",");
        if (word == length && memcmp(p, name, length) == 0) {
            return 1;
        }
        p += word + (p[word] == ',');
    }
    return 0;
}

static void parse_rows(settings *s, const char *text) {
    s->n_rows = 0;
    for (char *end; *text != '\0' && s->n_rows < LIST_MAX; text = *end == ',' ? end + 1 : end) {
        s->rows[s->n_rows++] = (int32_t)strtol(text, &end, 10);
        if (end == text) {
            fprintf(stderr, "not a number: %s\n", text);
            exit(2);
        }
    }
}

static vd_isa isa_named(const char *name) {
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa++) {
        if (strcmp(name, vd_isa_name(isa)) == 0) {
            return isa;
        }
    }
    fprintf(stderr, "unknown instruction set: %s\n", name);
    exit(2);
}

static settings parse(int argc, char **argv) {
    settings s = {.isa = VD_ISA_AUTO, .workers = vd_default_workers(), .seconds = 0.3};
    parse_rows(&s, "1,4,16,32,512");
    strcpy(s.types, "q4_0,q4_1,q8_0");
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--isa") == 0) {
            s.isa = isa_named(value), i++;
        } else if (strcmp(argv[i], "--types") == 0) {
            snprintf(s.types, sizeof s.types, "%s", value), i++;
        } else if (strcmp(argv[i], "--rows") == 0) {
            parse_rows(&s, value), i++;
        } else if (strcmp(argv[i], "--workers") == 0) {
            s.workers = (int32_t)strtol(value, NULL, 10), i++;
        } else if (strcmp(argv[i], "--seconds") == 0) {
            s.seconds = strtod(value, NULL), i++;
        } else if (s.n_shapes < LIST_MAX && sscanf(argv[i], "%dx%d", &s.shapes[s.n_shapes][0],
                                                   &s.shapes[s.n_shapes][1]) == 2) {
            s.n_shapes++;
        } else {
            fprintf(stderr,
                    "usage: matmul [--isa NAME] [--types LIST] [--rows LIST] "
                    "[--workers W] [--seconds S] [NxK ...]\n");
            exit(2);
        }
    }
    if (s.n_shapes == 0) {
        s.shapes[s.n_shapes][0] = s.shapes[s.n_shapes][1] = 2048, s.n_shapes++;
    }
    return s;
}

int main(int argc, char **argv) {
    settings s = parse(argc, argv);
    bench b = {.isa = s.isa, .seconds = s.seconds};
    if (b.isa == VD_ISA_AUTO) {
        check(vd_isa_pick(&b.isa), "instruction set");
    }
    check(vd_pool_create(s.workers, &b.pool), "workers");
    check(vd_probe(VD_PROBE_INT8_DOT, b.pool, b.isa, 0.3, &b.ops_peak), "probe");
    check(vd_probe(VD_PROBE_READ, b.pool, b.isa, 0.5, &b.read_peak), "probe");
    printf("%d workers, int8 %.0f GOP/s, reads %.1f GB/s\n", s.workers, b.ops_peak * 1e-9,
           b.read_peak * 1e-9);
    printf("%-12s %-8s %5s %6s %6s %10s %7s %7s %7s %7s\n", "isa", "type", "M", "N", "K", "us",
           "GOP/s", "peak", "GB/s", "peak");
    void *memory = random_bytes(WEIGHT_BYTES);
    for (int t = 0; t < TYPES; t++) {
        for (int i = 0; listed(s.types, types[t].name) && i < s.n_shapes; i++) {
            for (int m = 0; m < s.n_rows; m++) {
                report(&b, &types[t], s.rows[m], s.shapes[i][0], s.shapes[i][1], memory);
            }
        }
    }
    vd_free(memory, WEIGHT_BYTES);
    vd_pool_free(b.pool);
    return 0;
}

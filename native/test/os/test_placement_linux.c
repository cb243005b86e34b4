// The placement of memory on NUMA nodes. On a machine with several nodes and workers that can be
// pinned, all pages of a small model's weights, keys and values have to be on the nodes of the
// workers that read them, and its results must have the bits of one worker. Most machines have one
// node; bench/topology/qemu.sh runs this test on an emulated one with four.
//
//   test_placement_linux          runs the test
//   test_placement_linux print    also prints where pages are
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/pool.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/machines.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/system.h"
#include "support/weights.h"

static int prints;
static vd_topology machine;

// ---- a model ----------------------------------------------------------------------------------

enum {
    D = 1024,
    H_KV = 4,
    D_H = 64,
    D_KV = H_KV * D_H,
    D_FFN = 2816,
    VOCABULARY = 8192,
    ROWS_MAX = 40,
    MATRICES = 8,
    BLOCKS = 8,
    CACHE_BYTES = BLOCKS * 2 * VD_KV_BLOCK * D_KV * 4,
};

typedef enum matrix_index { QUERY, KEY, VALUE, OUT, GATE, UP, DOWN, HEAD } matrix_index;

static const struct matrix_shape {
    const char *name;
    vd_type type;
    int32_t N, K;
} shapes[MATRICES] = {
    {"q", VD_Q4_K, D, D},        {"k", VD_Q4_K, D_KV, D},          {"v", VD_Q6_K, D_KV, D},
    {"out", VD_Q4_K, D, D},      {"gate", VD_Q8_0, D_FFN, D},      {"up", VD_Q8_0, D_FFN, D},
    {"down", VD_Q6_K, D, D_FFN}, {"head", VD_Q8_0, VOCABULARY, D},
};

// The weights, adjacent in one piece of memory, keys and values, and the activations.
typedef struct model {
    char *memory;
    int64_t bytes;
    int64_t offsets[MATRICES + 1];
    vd_kv_cache cache;
    float x[ROWS_MAX * D], q[ROWS_MAX * D], k[ROWS_MAX * D_KV], v[ROWS_MAX * D_KV];
    float z[ROWS_MAX * D];
    float out[ROWS_MAX * D], gate[ROWS_MAX * D_FFN], up[ROWS_MAX * D_FFN];
    float logits[ROWS_MAX * VOCABULARY];
    vd_quantized xq, zq, hq, post, yq;
} model;

static vd_quantized quantized_buffers(int64_t K) {
    int64_t elements = ROWS_MAX * K;
    return (vd_quantized){.q = allocate_aligned((size_t)elements),
                          .scale = allocate_aligned((size_t)elements / 8),
                          .sum = allocate_aligned((size_t)elements / 4),
                          .scaled_sum = allocate_aligned((size_t)elements / 8)};
}

static void free_quantized(vd_quantized *xq) {
    free_aligned(xq->q);
    free_aligned(xq->scale);
    free_aligned(xq->sum);
    free_aligned(xq->scaled_sum);
}

// Creates a cache of groups of heads, each with blocks of keys and values, and places them for the
// pool.
static vd_kv_cache cache_create(vd_pool *pool, int32_t groups) {
    void *memory;
    CHECK(vd_alloc(CACHE_BYTES, &memory) == VD_OK);
    int64_t bytes = CACHE_BYTES / groups;
    for (int32_t group = 0; group < groups; group++) {
        CHECK(pool == NULL || vd_place_group(pool, group, groups, (char *)memory + group * bytes,
                                             (size_t)bytes) == VD_OK);
    }
    memset(memory, 0xff, CACHE_BYTES);  // NaNs
    return (vd_kv_cache){.keys = memory,
                         .values = (char *)memory + bytes / BLOCKS / 2,
                         .stride = bytes / BLOCKS,
                         .group_stride = bytes,
                         .type = VD_F32,
                         .H_kv = H_KV,
                         .group_heads = H_KV / groups,
                         .d_h = D_H,
                         .d_v = D_H};
}

// Returns the number of groups of heads.
static int32_t groups_on(const vd_slices *slices) {
    int32_t groups = H_KV;
    while (slices->count % groups != 0) {
        groups /= 2;
    }
    return groups;
}

// Creates the model; its weights are placed for the pool, unless that is null, and packed.
static model *model_create(vd_pool *pool) {
    model *m = allocate_aligned(sizeof *m);
    CHECK(m != NULL);
    m->bytes = 0;
    for (int i = 0; i < MATRICES; i++) {
        int64_t bytes;
        CHECK(vd_packed_bytes(shapes[i].type, shapes[i].N, shapes[i].K, &bytes) == VD_OK);
        m->offsets[i] = m->bytes;
        m->bytes += (bytes + 63) / 64 * 64;
    }
    m->offsets[MATRICES] = m->bytes;
    void *memory;
    CHECK(vd_alloc((size_t)m->bytes, &memory) == VD_OK);
    m->memory = memory;
    rng r = {34};
    for (int i = 0; i < MATRICES; i++) {
        struct matrix_shape s = shapes[i];
        char *packed = m->memory + m->offsets[i];
        size_t bytes = (size_t)(m->offsets[i + 1] - m->offsets[i]);
        CHECK(pool == NULL || vd_place(pool, VD_PLACE_SLICES, packed, bytes) == VD_OK);
        void *source = allocate_aligned((size_t)(s.N * weights_row_bytes(s.type, s.K)));
        random_weights(&r, s.type, WEIGHTS_PLAIN, s.N, s.K, source);
        CHECK(vd_pack(pool, s.type, s.N, s.K, source, packed, 0, (s.N + 15) / 16) == VD_OK);
        free_aligned(source);
    }
    m->cache = cache_create(pool, pool == NULL ? 1 : groups_on(vd_pool_slices(pool)));
    m->xq = quantized_buffers(D);
    m->zq = quantized_buffers(D);
    m->hq = quantized_buffers(D);
    m->post = quantized_buffers(D_FFN);
    m->yq = quantized_buffers(D);
    return m;
}

static void model_free(model *m) {
    vd_free(m->memory, (size_t)m->bytes);
    vd_free(m->cache.keys, CACHE_BYTES);
    free_quantized(&m->xq);
    free_quantized(&m->zq);
    free_quantized(&m->hq);
    free_quantized(&m->post);
    free_quantized(&m->yq);
    free_aligned(m);
}

static vd_op quantize_op(const float *x, vd_quantized y, int32_t width) {
    return (vd_op){.kind = VD_OP_QUANTIZE,
                   .barrier = VD_BARRIER_ALWAYS,
                   .as.quantize = {.x = x, .y = y, .K = width}};
}

static vd_op matmul_op(const model *m, matrix_index i, vd_quantized x, float *y, int32_t barrier) {
    return (vd_op){.kind = VD_OP_MATMUL,
                   .barrier = barrier,
                   .as.matmul = {.weights = m->memory + m->offsets[i],
                                 .xq = x,
                                 .y = y,
                                 .type = shapes[i].type,
                                 .N = shapes[i].N,
                                 .K = shapes[i].K}};
}

// Makes the operation part of the epilogue before it.
static vd_op fused(vd_op op) {
    op.barrier = VD_BARRIER_NEVER;
    op.epilogue = 1;
    return op;
}

// Computes the logits of a layer.
static void model_run(model *m, vd_pool *pool, int32_t rows) {
    rng r = {35};
    batch b;
    batch_begin(&b, &r, 1, BLOCKS);
    for (int32_t i = 0; i < rows; i++) {
        batch_add(&b, 0, i, 0, 0);
    }
    for (int64_t i = 0; i < (int64_t)rows * D; i++) {
        m->x[i] = rng_uniform(&r, -1, 1);
    }
    vd_op add = {.kind = VD_OP_ADD, .as.add = {.a = m->x, .b = m->out, .y = m->x, .width = D}};
    vd_op store = {.kind = VD_OP_KV_STORE,
                   .barrier = VD_BARRIER_ALWAYS,
                   .as.kv_store = {.k = m->k, .v = m->v, .cache = m->cache}};
    vd_op attend = {
        .kind = VD_OP_ATTENTION,
        .barrier = VD_BARRIER_ALWAYS,
        .as.attention = {.q = m->q, .cache = m->cache, .z = m->z, .H = D / D_H, .scale = 0.125f}};
    vd_op gated = {
        .kind = VD_OP_ACTIVATION,
        .as.activation = {
            .x = m->gate, .up = m->up, .y = m->gate, .kind = VD_ACTIVATION_SILU, .width = D_FFN}};
    vd_op ops[] = {
        quantize_op(m->x, m->xq, D),
        matmul_op(m, QUERY, m->xq, m->q, VD_BARRIER_ALWAYS),
        matmul_op(m, KEY, m->xq, m->k, VD_BARRIER_NEVER),
        matmul_op(m, VALUE, m->xq, m->v, VD_BARRIER_NEVER),
        store,
        attend,
        quantize_op(m->z, m->zq, D),
        matmul_op(m, OUT, m->zq, m->out, VD_BARRIER_ALWAYS),
        fused(add),
        quantize_op(m->x, m->hq, D),
        matmul_op(m, GATE, m->hq, m->gate, VD_BARRIER_ALWAYS),
        fused(matmul_op(m, UP, m->hq, m->up, VD_BARRIER_NEVER)),
        fused(gated),
        fused(quantize_op(m->gate, m->post, D_FFN)),
        matmul_op(m, DOWN, m->post, m->out, VD_BARRIER_ALWAYS),
        fused(add),
        quantize_op(m->x, m->yq, D),
        matmul_op(m, HEAD, m->yq, m->logits, VD_BARRIER_ALWAYS),
    };
    run_ops_on(pool, ops, sizeof ops / sizeof ops[0], VD_ISA_AUTO, &b.view);
}

// ---- pages ------------------------------------------------------------------------------------

enum { PAGES_MAX = 1 << 16 };

// Finds the nodes of pages; a negative number if a page is not in memory.
static void find_nodes(char *first, int64_t pages, int *nodes) {
    static void *addresses[PAGES_MAX];
    CHECK(pages <= PAGES_MAX);
    for (int64_t i = 0; i < pages; i++) {
        addresses[i] = first + i * (int64_t)page_bytes();
    }
    CHECK(syscall(SYS_move_pages, 0, pages, addresses, NULL, nodes, 0) == 0);
}

// Returns the slice that byte `offset` of a matrix belongs to.
static int32_t slice_at(const vd_slices *slices, int64_t offset, int64_t bytes) {
    int32_t slice = 0;
    while (offset >= bytes * slices->begins[slice + 1] / slices->workers) {
        slice++;
    }
    return slice;
}

// Requires that all pages that begin within a matrix are on the nodes of its slices.
static void check_matrix(const model *m, const vd_slices *slices, int i) {
    static int nodes[PAGES_MAX];
    int64_t page = (int64_t)page_bytes();
    int64_t bytes = m->offsets[i + 1] - m->offsets[i];
    int64_t begin = (m->offsets[i] + page - 1) / page * page;
    int64_t pages = (m->offsets[i + 1] - begin + page - 1) / page;
    int64_t in_slice[VD_SLICES_MAX] = {0}, on_node[VD_SLICES_MAX] = {0};
    find_nodes(m->memory + begin, pages, nodes);
    for (int64_t p = 0; p < pages; p++) {
        int32_t slice = slice_at(slices, begin + p * page - m->offsets[i], bytes);
        in_slice[slice]++;
        on_node[slice] += nodes[p] == slices->nodes[slice];
    }
    if (prints) {
        printf("%-6s", shapes[i].name);
    }
    for (int32_t slice = 0; slice < slices->count; slice++) {
        if (prints) {
            printf("  node %d: %lld of %lld", slices->nodes[slice], (long long)on_node[slice],
                   (long long)in_slice[slice]);
        }
        CHECK(on_node[slice] == in_slice[slice]);
    }
    if (prints) {
        printf("\n");
    }
}

// Requires that all pages of a group of heads are on its nodes.
static void check_cache(const model *m, const vd_slices *slices) {
    static int nodes[PAGES_MAX];
    int32_t groups = groups_on(slices), nodes_of_group = slices->count / groups;
    int64_t pages = CACHE_BYTES / groups / (int64_t)page_bytes();
    if (prints) {
        printf("cache ");
    }
    for (int32_t group = 0; group < groups; group++) {
        int64_t on_node = 0;
        find_nodes((char *)m->cache.keys + group * m->cache.group_stride, pages, nodes);
        for (int32_t i = group * nodes_of_group; i < (group + 1) * nodes_of_group; i++) {
            for (int64_t p = 0; p < pages; p++) {
                on_node += nodes[p] == slices->nodes[i];
            }
        }
        if (prints) {
            printf("  node %d: %lld of %lld", slices->nodes[group * nodes_of_group],
                   (long long)on_node, (long long)pages);
        }
        CHECK(on_node == pages);
    }
    if (prints) {
        printf("\n");
    }
}

// Prints the mappings of the weights, as the kernel reports them.
static void print_mappings(const model *m) {
    char line[1024];
    FILE *file = fopen("/proc/self/numa_maps", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        unsigned long long address = 0;
        CHECK(sscanf(line, "%llx", &address) == 1);
        if (address >= (uintptr_t)m->memory && address < (uintptr_t)m->memory + (size_t)m->bytes) {
            fputs(line, stdout);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void interleaves_pages(const vd_pool *pool) {
    describe("interleaved memory");
    enum { BYTES = 1 << 20 };  // less than a huge page
    static int nodes[PAGES_MAX];
    const vd_slices *slices = vd_pool_slices(pool);
    void *memory;
    CHECK(vd_alloc(BYTES, &memory) == VD_OK);
    CHECK(vd_place(pool, VD_PLACE_INTERLEAVED, memory, BYTES) == VD_OK);
    memset(memory, 1, BYTES);
    int64_t pages = BYTES / (int64_t)page_bytes();
    find_nodes(memory, pages, nodes);
    for (int32_t slice = 0; slice < slices->count; slice++) {
        int64_t count = 0;
        for (int64_t p = 0; p < pages; p++) {
            count += nodes[p] == slices->nodes[slice];
        }
        CHECK(count >= pages / slices->count && count <= pages / slices->count + 1);
    }
    vd_free(memory, BYTES);
}

static void places_slices_on_their_nodes(void) {
    vd_pool *pool;
    CHECK(vd_pool_create(machine.fast_cores, &pool) == VD_OK);
    if (vd_pool_nodes(pool) == 1 || vd_pool_pin(pool) != VD_OK) {
        if (prints) {
            printf("not pinned to several nodes\n");
        }
        vd_pool_free(pool);
        return;
    }
    const vd_slices *slices = vd_pool_slices(pool);
    describe("%d workers on %d nodes", slices->workers, slices->count);
    if (prints) {
        printf("%d workers on %d nodes; pages of a slice that are on its node:\n", slices->workers,
               slices->count);
    }
    model *placed = model_create(pool);
    for (int i = 0; i < MATRICES; i++) {
        check_matrix(placed, slices, i);
    }
    check_cache(placed, slices);
    if (prints) {
        print_mappings(placed);
    }
    interleaves_pages(pool);
    model *plain = model_create(NULL);
    static const int32_t rows[] = {1, 2, 4, ROWS_MAX};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        describe("%d workers on %d nodes, %d rows", slices->workers, slices->count, rows[i]);
        model_run(placed, pool, rows[i]);
        model_run(plain, pool_of(1), rows[i]);
        same_floats("logits", plain->logits, placed->logits, (int64_t)rows[i] * VOCABULARY);
        if (prints) {
            printf("%d tokens: logits have the bits of one worker without placement\n", rows[i]);
        }
    }
    model_free(plain);
    model_free(placed);
    vd_pool_free(pool);
}

// ---- arguments and errors ---------------------------------------------------------------------

static void checks_arguments(void) {
    describe("arguments");
    char byte;
    CHECK(vd_place(NULL, VD_PLACE_SLICES, &byte, 1) == VD_INVALID_ARGUMENT);
    CHECK(vd_place(pool_of(1), VD_PLACE_SLICES, NULL, 1) == VD_INVALID_ARGUMENT);
    CHECK(vd_place(pool_of(1), VD_PLACE_SLICES, &byte, 0) == VD_INVALID_ARGUMENT);
    CHECK(vd_place(pool_of(1), VD_PLACE_SLICES, &byte, SIZE_MAX) == VD_INVALID_ARGUMENT);
    CHECK(vd_place(pool_of(1), (vd_placement)2, &byte, 1) == VD_INVALID_ARGUMENT);
    CHECK(vd_place_group(NULL, 0, 1, &byte, 1) == VD_INVALID_ARGUMENT);
    CHECK(vd_place_group(pool_of(1), 0, 1, NULL, 1) == VD_INVALID_ARGUMENT);
    CHECK(vd_place_group(pool_of(1), 0, 1, &byte, 0) == VD_INVALID_ARGUMENT);
    CHECK(vd_place_group(pool_of(1), 0, 0, &byte, 1) == VD_INVALID_ARGUMENT);
    CHECK(vd_place_group(pool_of(1), 0, 2, &byte, 1) == VD_INVALID_ARGUMENT);
    CHECK(vd_place_group(pool_of(1), -1, 1, &byte, 1) == VD_INVALID_ARGUMENT);
    CHECK(vd_place_group(pool_of(1), 1, 1, &byte, 1) == VD_INVALID_ARGUMENT);
    describe("one node");
    CHECK(vd_place_group(pool_of(1), 0, 1, &byte, 1) == VD_OK);
    CHECK(vd_place(pool_of(1), VD_PLACE_SLICES, &byte, 1) == VD_OK);
    CHECK(vd_place(pool_of(1), VD_PLACE_INTERLEAVED, &byte, 1) == VD_OK);
}

// Nodes that do not exist, or have numbers beyond those of Linux.
static void reports_missing_nodes(void) {
    enum { BYTES = 1 << 20 };
    static const int32_t missing[] = {1023, 1024, INT32_MAX};
    static vd_topology other;
    void *memory;
    CHECK(vd_alloc(BYTES, &memory) == VD_OK);
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        describe("node %d", missing[i]);
        machine_create(&other, 2, 1, 1, 0);
        other.processor[1].node = missing[i];
        vd_pool *pool;
        CHECK(vd_pool_create_on(&other, 2, &pool) == VD_OK);
        CHECK(vd_place(pool, VD_PLACE_SLICES, memory, BYTES) == VD_UNSUPPORTED);
        if (missing[i] > 1023) {  // Linux interleaves among those that exist
            CHECK(vd_place(pool, VD_PLACE_INTERLEAVED, memory, BYTES) == VD_UNSUPPORTED);
        }
        vd_pool_free(pool);
    }
    vd_free(memory, BYTES);
}

int main(int argc, char **argv) {
    describe_faults();
    prints = argc == 2 && strcmp(argv[1], "print") == 0;
    CHECK(vd_topology_read(&machine) == VD_OK);
    checks_arguments();
    reports_missing_nodes();
    places_slices_on_their_nodes();
    return 0;
}

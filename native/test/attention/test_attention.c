// attention: every variant equals the scalar one, which is close to the formula in double; rows of
// a batch of several sequences equal those of each row alone.
#include "attention/attention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attention/attention_reference.h"
#include "support/cache.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/window.h"

enum { H_KV = 2, BLOCKS = 18, GAP = 3, WIDEST = VD_HEAD_MAX };

static const int32_t widths[] = {1, 15, 16, 32, 64, 80, 128};
static const int32_t bias_reaches[] = {0, 1, 14, 15, 16, 40, 300};
static const int32_t edges[] = {1,  2,  15,  16,  17,  31,  32,  33,  63,
                                64, 65, 255, 256, 257, 511, 512, 513, 1000};
enum {
    WIDTHS = sizeof widths / sizeof widths[0],
    REACHES = sizeof bias_reaches / sizeof bias_reaches[0],
    EDGES = sizeof edges / sizeof edges[0]
};

// ---- tiles ------------------------------------------------------------------------------------

typedef struct tile_case {
    int32_t d_h, d_v, n, head, window;
    int32_t count[VD_QUERIES];
    vd_type type;
    float scale, cap;
    int sinks, slopes, biases, shared;
    int32_t reach;
    floats kind;
    uint64_t seed;
} tile_case;

// The numbers of positions of a tile's queries: equal, those of heads of adjacent tokens, or any.
typedef enum counts { EQUAL, TOKENS, ANY, COUNTS } counts;

static int compare_ints(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void random_counts(rng *r, tile_case *c, counts how) {
    int32_t edge = edges[rng_below(r, EDGES)];
    int32_t heads = (int32_t)rng_between(r, 1, 4);
    for (int32_t j = 0; j < c->n; j++) {
        c->count[j] = how == EQUAL    ? edge
                      : how == TOKENS ? edge + j / heads
                                      : edges[rng_below(r, EDGES)];
    }
    qsort(c->count, (size_t)c->n, sizeof c->count[0], compare_ints);
}

typedef struct tile_memory {
    vd_attention op;
    float sinks[VD_QUERIES], slopes[VD_QUERIES];
    float *biases;  // [n, 2 reach + 1]
    const int32_t *blocks;
    float *q;
    size_t bytes;  // of z
} tile_memory;

// Rows of q and of z are GAP floats apart, to detect accesses past a row.
static tile_memory prepare(const tile_case *c, placement where) {
    rng r = {c->seed};
    batch b;
    batch_begin(&b, &r, 1, BLOCKS);
    int32_t stride = c->d_h + GAP;
    size_t bytes = (size_t)(c->n * stride - GAP) * sizeof(float);
    tile_memory m = {
        .op = {.cache = cache_of_nans(BLOCKS, H_KV, c->d_h, c->d_v, c->type, where),
               .window = c->window,
               .scale = c->scale,
               .cap = c->cap,
               .reach = c->reach},
        .biases = guarded_alloc((size_t)(c->n * (2 * c->reach + 1)) * sizeof(float), where),
        .blocks = guarded_copy(b.block_tables, BLOCKS * sizeof(int32_t), where),
        .q = guarded_alloc(bytes, where),
        .bytes = (size_t)(c->n * (c->d_v + GAP) - GAP) * sizeof(float),
    };
    if (c->shared) {
        share_values(&m.op.cache);
    }
    rng_fill(&r, ORDINARY, m.sinks, VD_QUERIES);
    for (int32_t j = 0; j < VD_QUERIES; j++) {
        m.slopes[j] = rng_uniform(&r, 0, 1);
    }
    rng_fill(&r, ORDINARY, m.biases, c->n * (2 * c->reach + 1));
    cache_fill(&m.op.cache, m.blocks, c->count[c->n - 1], &r, c->kind);
    for (int32_t j = 0; j < c->n; j++) {
        rng_fill(&r, c->kind, m.q + j * stride, c->d_h);
    }
    return m;
}

static int32_t first_of(const tile_case *c, int32_t j) {
    return c->window > 0 && c->count[j] > c->window ? c->count[j] - c->window : 0;
}

// Runs all chunks, including those before the window, which must not contribute.
static void run_chunks(vd_isa isa, const vd_query_tile *tile, placement where) {
    const vd_attention_kernel *kernel = vd_attention_kernels[isa];
    size_t bytes = (size_t)(tile->n * vd_part_stride(tile->op->cache.d_v)) * sizeof(float);
    float *parts = guarded_alloc(bytes, where), *later = guarded_alloc(bytes, where);
    kernel->chunk(tile, 0, parts);
    for (int32_t at = VD_ATTENTION_CHUNK; at < tile->end[tile->n - 1]; at += VD_ATTENTION_CHUNK) {
        kernel->chunk(tile, at, later);
        kernel->merge(tile, parts, later);
    }
    kernel->finish(tile, parts);
}

static float *run_tile(vd_isa isa, const tile_case *c, const tile_memory *m, placement where) {
    float *z = guarded_alloc(m->bytes, where);
    size_t blocks = (size_t)(c->n * (c->d_h / 32));
    int32_t wider = c->d_h > c->d_v ? c->d_h : c->d_v;
    vd_attention op = m->op;
    op.sinks = c->sinks ? m->sinks : NULL;
    op.slopes = c->slopes ? m->slopes : NULL;
    op.biases = c->biases ? m->biases : NULL;
    vd_query_tile tile = {
        .op = &op,
        .blocks = m->blocks,
        .n = c->n,
        .quants = guarded_alloc((size_t)(c->n * c->d_h), where),
        .scale = guarded_alloc(blocks * sizeof(float), where),
        .sum = guarded_alloc(blocks * sizeof(int32_t), where),
        .scores = guarded_alloc(VD_QUERIES * VD_ATTENTION_CHUNK * sizeof(float), where),
        .floats = guarded_alloc((size_t)(VD_KV_BLOCK * wider) * sizeof(float), where),
    };
    vd_tile_set_head(&tile, &op.cache, c->head);
    for (int32_t j = 0; j < c->n; j++) {
        tile.q[j] = m->q + j * (c->d_h + GAP);
        tile.z[j] = z + j * (c->d_v + GAP);
        tile.sink[j] = m->sinks[j];
        tile.slope[j] = m->slopes[j];
        tile.bias[j] = c->biases ? m->biases + j * (2 * c->reach + 1) + c->reach : NULL;
        tile.position[j] = c->count[j] - 1;
        tile.first[j] = first_of(c, j);
        tile.end[j] = c->count[j];
    }
    if (has_scales(c->type)) {
        vd_attention_quantize(&tile, isa);
    }
    run_chunks(isa, &tile, where);
    for (int32_t j = 0; j + 1 < c->n; j++) {
        untouched("floats between the rows of z", tile.z[j] + c->d_v, GAP * sizeof(float));
    }
    return z;
}

static void describe_tile(const char *what, const tile_case *c) {
    describe(
        "attention %s, type %d, d_h %d, d_v %d, shared %d, %d queries, counts %d to %d, window %d, "
        "cap %g, sinks %d, "
        "slopes %d, biases %d up to distance %d, head %d, %s, seed %llu",
        what, (int)c->type, c->d_h, c->d_v, c->shared, c->n, c->count[0], c->count[c->n - 1],
        c->window, (double)c->cap, c->sinks, c->slopes, c->biases, c->reach, c->head,
        floats_name(c->kind), (unsigned long long)c->seed);
}

static void check_tile(const tile_case *c) {
    for (placement where = 0; where < PLACEMENTS; where++) {
        tile_memory m = prepare(c, where);
        describe_tile("scalar", c);
        const float *expected = run_tile(VD_ISA_SCALAR, c, &m, where);
        for (int32_t j = 0; c->kind == ORDINARY && where == AT_END && j < c->n; j++) {
            const float *z = expected + j * (c->d_v + GAP);
            vd_attention op = m.op;
            op.sinks = c->sinks ? m.sinks : NULL;
            op.slopes = c->slopes ? m.slopes : NULL;
            op.biases = c->biases ? m.biases : NULL;
            one_query one = {.op = &op,
                             .blocks = m.blocks,
                             .q = m.q + j * (c->d_h + GAP),
                             .head = c->head,
                             .position = c->count[j] - 1,
                             .first = first_of(c, j),
                             .end = c->count[j],
                             .sink = m.sinks[j],
                             .slope = m.slopes[j],
                             .biases = m.biases + j * (2 * c->reach + 1)};
            check_attention(&one, z);
        }
        for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            describe_tile(vd_isa_name(isa), c);
            const float *actual = run_tile(isa, c, &m, where);
            same_floats("z", expected, actual, (int64_t)(m.bytes / sizeof(float)));
        }
        guarded_free_all();
    }
}

static float random_scale(rng *r, int32_t d_h) {
    return rng_below(r, 3) == 0 ? 1.0f : 1.0f / sqrtf((float)d_h);
}

// Half of the cases have a window, and a third each a soft cap, sinks, slopes, biases and, where
// the widths allow it, values that are elements of keys.
static void random_parameters(rng *r, tile_case *c) {
    static const int32_t windows[] = {1, 2, 15, 17, 64, 100, 255, 256, 257, 300};
    int32_t which = (int32_t)rng_below(r, 2 * (int32_t)(sizeof windows / sizeof windows[0]));
    c->window = which % 2 == 0 ? windows[which / 2] : 0;
    c->cap = rng_below(r, 3) == 0 ? rng_uniform(r, 0.5f, 30) : 0;
    c->sinks = rng_below(r, 3) == 0;
    c->slopes = rng_below(r, 3) == 0;
    c->biases = rng_below(r, 3) == 0;
    c->reach = bias_reaches[rng_below(r, REACHES)];
    int same = rng_below(r, 2) == 0;
    c->d_v = same ? c->d_h : widths[rng_below(r, WIDTHS)];
    int blocks = c->d_h % 32 == 0 && c->d_v % 32 == 0;
    c->type = kv_types[rng_below(r, blocks ? KV_TYPES : KV_TYPES - SCALED_KV_TYPES)];
    c->scale = random_scale(r, c->d_h);
    c->seed = rng_next(r);
    c->shared = c->d_v <= c->d_h && c->seed % 3 == 0;
}

static void equals_scalar_tiles(rng *r) {
    static const int32_t ns[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 31, 63};
    int skipped = 0;
    for (int32_t w = 0; w < WIDTHS; w++) {
        for (size_t i = 0; i < sizeof ns / sizeof ns[0]; i++) {
            for (int which = 0; which < COUNTS * 2; which++) {
                if (skipped++ % sweep_step() != 0) {
                    continue;
                }
                tile_case c = {.d_h = widths[w], .n = ns[i], .head = which % H_KV};
                c.kind = which < COUNTS ? ORDINARY : (floats)rng_below(r, FLOATS_COUNT);
                random_parameters(r, &c);
                random_counts(r, &c, (counts)(which % COUNTS));
                check_tile(&c);
            }
        }
    }
}

// Checks each edge with each width.
static void equals_scalar_at_edges(rng *r) {
    for (int32_t at = 0; at < WIDTHS * EDGES; at += sweep_step()) {
        int32_t i = at % EDGES;
        tile_case c = {.d_h = widths[at / EDGES], .n = 1, .count = {edges[i]}, .head = i % H_KV};
        random_parameters(r, &c);
        check_tile(&c);
    }
}

// Checks that a NaN in a key or a value reaches exactly the results that depend on it.
static void check_nan(rng *r, int32_t position, int in_keys, int shared, vd_type type) {
    tile_case c = {.d_h = 96,
                   .d_v = 64,
                   .n = 3,
                   .count = {290, 300, 300},
                   .scale = 1,
                   .shared = shared,
                   .type = type};
    c.seed = rng_next(r);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        describe_tile(vd_isa_name(isa), &c);
        tile_memory m = prepare(&c, AT_END);
        kv_element element =
            (in_keys ? key_at : value_at)(&m.op.cache, m.blocks, c.head, position, 5);
        // All bits set are a NaN. In quantized types it is the scale, and affects the whole block.
        memset(has_scales(type) ? element.scale : element.at, 0xff, type == VD_F32 ? 4 : 2);
        const float *z = run_tile(isa, &c, &m, AT_END);
        for (int32_t j = 0; j < c.n; j++) {
            for (int32_t i = 0; i < c.d_v; i++) {
                int same = has_scales(type) ? i / 32 == 0 : i == 5;
                int reaches = position < c.count[j] && (in_keys || same);
                CHECK(!isnan(z[j * (c.d_v + GAP) + i]) == !reaches);
            }
        }
        guarded_free_all();
    }
}

static void propagates_nan(rng *r) {
    static const int32_t positions[] = {0, 7, 255, 256, 289, 290, 299};
    int32_t cases = (int32_t)(sizeof positions / sizeof positions[0]) * KV_TYPES;
    for (int32_t i = 0; i < cases; i += sweep_step()) {
        check_nan(r, positions[i / KV_TYPES], 1, 0, kv_types[i % KV_TYPES]);
        check_nan(r, positions[i / KV_TYPES], 1, 1, kv_types[i % KV_TYPES]);
        check_nan(r, positions[i / KV_TYPES], 0, 0, kv_types[i % KV_TYPES]);
    }
}

// ---- batches ----------------------------------------------------------------------------------

typedef struct batch_case {
    int32_t H, H_kv, d_h, d_v;
    vd_type type;
    int32_t window;
    int slopes;
    int decode;  // one row each of the last sequences, with chunks divided among workers
    int shared;  // values are elements of keys
} batch_case;

// Sequences of these numbers of positions. The last positions are rows of the batch.
static const struct {
    int32_t positions, rows;
} parts[] = {{41, 41}, {256, 1}, {71, 11}, {1, 1}, {601, 1}, {300, 35}};
enum { PARTS = sizeof parts / sizeof parts[0] };

static void fill_batch(batch *b, rng *r, int decode) {
    batch_begin(b, r, PARTS, 10);
    for (int32_t s = decode ? PARTS - 2 : 0; s < PARTS; s++) {
        int32_t rows = decode ? 1 : parts[s].rows;
        for (int32_t p = parts[s].positions - rows; p < parts[s].positions; p++) {
            batch_add(b, s, p, 0, 0);
        }
    }
}

// Checks that each row alone gets the bits that it gets in the batch.
static void check_rows_alone(const batch *b, vd_op op, const float *q, const float *expected,
                             const batch_case *c) {
    int64_t width = (int64_t)c->H * c->d_h, z_width = (int64_t)c->H * c->d_v;
    for (int32_t row = 0; row < b->view.n_tokens; row += 5) {
        batch alone = *b;
        alone.view.tokens = alone.tokens;
        alone.view.positions = alone.positions;
        alone.view.sequences = alone.sequences;
        alone.view.block_tables = alone.block_tables;
        batch_clear(&alone);
        batch_add(&alone, b->sequences[row], b->positions[row], 0, 0);
        op.as.attention.q = q + row * width;
        op.as.attention.z = guarded_alloc((size_t)z_width * sizeof(float), AT_END);
        describe("attention of row %d alone, H %d, H_kv %d, d_h %d", row, c->H, c->H_kv, c->d_h);
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            run_ops(&op, 1, isa, 1, &alone.view);
            same_floats("z", expected + row * z_width, op.as.attention.z, z_width);
        }
    }
}

// Returns the last position of the sequence of a row in the batch.
static int32_t last_position(const batch *b, int32_t row) {
    int32_t last = row;
    for (int32_t i = row; i < b->view.n_tokens; i++) {
        last = b->sequences[i] == b->sequences[row] ? i : last;
    }
    return b->positions[last];
}

static void check_definition(const batch *b, const vd_attention *op) {
    int32_t group = op->H / op->cache.H_kv;
    for (int32_t row = 0; row < b->view.n_tokens; row += 7) {
        const int32_t *blocks = b->block_tables + b->sequences[row] * b->view.max_blocks;
        for (int32_t h = 0; h < op->H; h++) {
            int64_t at = (int64_t)row * op->H + h;
            describe("attention, row %d, head %d of %d, H_kv %d, d_h %d", row, h, op->H,
                     op->cache.H_kv, op->cache.d_h);
            int32_t position = b->positions[row];
            one_query one = {
                .op = op,
                .blocks = blocks,
                .q = op->q + at * op->cache.d_h,
                .head = h / group,
                .position = position,
                .first = first_attended(op->window, op->shape, position + 1),
                .end = end_attended(op->window, op->shape, position, last_position(b, row)),
                .rotated_back = op->cache.type == VD_Q4_0,
                .sink = op->sinks == NULL ? 0 : op->sinks[h],
                .slope = op->slopes == NULL ? 0 : op->slopes[h],
                .biases = op->biases == NULL ? NULL : op->biases + h * (2 * op->reach + 1)};
            check_attention(&one, op->z + at * op->cache.d_v);
        }
    }
}

static void batch_equals_rows_alone(rng *r, const batch_case *c, int32_t shape) {
    batch b;
    fill_batch(&b, r, c->decode);
    float *sinks = guarded_alloc((size_t)c->H * sizeof(float), AT_END);
    rng_fill(r, ORDINARY, sinks, c->H);
    float *slopes = guarded_alloc((size_t)c->H * sizeof(float), AT_END);
    for (int32_t h = 0; h < c->H; h++) {
        slopes[h] = exp2f(-8.0f * (float)(h + 1) / (float)c->H);
    }
    int32_t reach = (c->H * c->d_h) % 64;
    float *biases = guarded_alloc((size_t)(c->H * (2 * reach + 1)) * sizeof(float), AT_END);
    rng_fill(r, ORDINARY, biases, c->H * (2 * reach + 1));
    vd_attention attention = {.H = c->H,
                              .scale = 1.0f / sqrtf((float)c->d_h),
                              .window = c->window,
                              .shape = shape,
                              .sinks = c->window > 0 ? sinks : NULL,
                              .slopes = c->slopes ? slopes : NULL,
                              .biases = c->H % 2 == 0 ? biases : NULL,
                              .reach = reach};
    attention.cache = cache_of_nans(b.view.n_sequences * b.view.max_blocks, c->H_kv, c->d_h, c->d_v,
                                    c->type, AT_END);
    if (c->shared) {
        share_values(&attention.cache);
    }
    for (int32_t s = 0; s < PARTS; s++) {
        const int32_t *blocks = b.block_tables + s * b.view.max_blocks;
        cache_fill(&attention.cache, blocks, parts[s].positions, r, ORDINARY);
    }
    int64_t q_floats = (int64_t)b.view.n_tokens * c->H * c->d_h;
    int64_t n = (int64_t)b.view.n_tokens * c->H * c->d_v;
    float *q = guarded_alloc((size_t)q_floats * sizeof(float), AT_END);
    rng_fill(r, ORDINARY, q, q_floats);
    attention.q = q;
    float *expected = guarded_alloc((size_t)n * sizeof(float), AT_END);
    float *actual = guarded_alloc((size_t)n * sizeof(float), AT_END);
    attention.z = expected;
    vd_op op = {.kind = VD_OP_ATTENTION, .as.attention = attention};
    run_ops(&op, 1, VD_ISA_SCALAR, 1, &b.view);
    check_definition(&b, &op.as.attention);
    if (shape != VD_WINDOW_CENTERED) {  // else a row alone attends to other positions
        check_rows_alone(&b, op, q, expected, c);
    }
    op.as.attention.z = actual;
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        static const int32_t pools[][2] = {{1, 1}, {2, 1}, {3, 1}, {2, 2}, {5, 3}, {8, 4}};
        for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++) {
            int32_t workers = pools[i][0], nodes = pools[i][1];
            describe("attention %s, %d workers on %d nodes, H %d, H_kv %d, d_h %d",
                     vd_isa_name(isa), workers, nodes, c->H, c->H_kv, c->d_h);
            memset(actual, CANARY, (size_t)n * sizeof(float));
            run_ops_on(pool_on_nodes(workers, nodes), &op, 1, isa, &b.view);
            same_floats("z", expected, actual, n);
        }
    }
    guarded_free_all();
}

int main(void) {
    test_begin("attention");
    rng r = {8};
    equals_scalar_at_edges(&r);
    equals_scalar_tiles(&r);
    propagates_nan(&r);
    static const batch_case cases[] = {
        {2, 2, 32, 32, VD_F32, 0, 0, 0, 0},           {4, 2, 15, 15, VD_F16, 0, 1, 0, 0},
        {6, 2, 16, 16, VD_BF16, 0, 0, 0, 0},          {5, 1, 64, 64, VD_Q8_0, 0, 1, 0, 0},
        {16, 2, 16, 16, VD_F32, 100, 1, 0, 0},        {40, 1, 15, 15, VD_F32, 0, 0, 0, 0},
        {70, 1, 2, 2, VD_F16, 300, 0, 0, 0},          {9, 3, 64, 64, VD_F32, 0, 1, 1, 0},
        {9, 3, 64, 64, VD_F16, 0, 0, 1, 0},           {4, 2, 96, 96, VD_Q8_0, 290, 1, 1, 0},
        {2, 1, 80, 80, VD_BF16, 0, 0, 1, 0},          {4, 4, 24, 16, VD_F32, 0, 0, 0, 0},
        {4, 4, 96, 64, VD_Q8_0, 0, 0, 1, 0},          {3, 3, 24, 15, VD_F16, 0, 0, 1, 0},
        {40, 2, 16, 80, VD_F32, 100, 1, 0, 0},        {6, 3, 32, 64, VD_Q8_0, 0, 1, 0, 0},
        {4, 2, 24, 16, VD_BF16, 0, 0, 0, 0},          {3, 1, WIDEST, WIDEST, VD_F32, 0, 0, 1, 0},
        {2, 1, WIDEST, WIDEST, VD_Q8_0, 70, 0, 0, 0}, {2, 1, 64, WIDEST, VD_F16, 70, 0, 0, 0},
        {5, 1, 64, 64, VD_Q4_0, 0, 1, 0, 0},          {4, 2, 96, 128, VD_Q4_0, 290, 1, 1, 0},
        {70, 1, 32, 96, VD_Q4_0, 0, 0, 0, 0},         {2, 1, WIDEST, WIDEST, VD_Q4_0, 70, 0, 0, 0},
        {16, 1, 80, 64, VD_F32, 0, 0, 0, 1},          {3, 1, 23, 18, VD_F16, 100, 1, 1, 1},
        {40, 2, 64, 64, VD_BF16, 0, 0, 0, 1},         {16, 1, 96, 64, VD_Q8_0, 0, 0, 1, 1},
        {16, 1, 96, 64, VD_Q4_0, 0, 0, 0, 1},         {2, 1, 576, 512, VD_Q4_0, 0, 0, 1, 1},
        {16, 1, 576, 512, VD_F16, 70, 0, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += (size_t)sweep_step()) {
        batch_equals_rows_alone(&r, &cases[i], VD_WINDOW_SLIDING);
        batch_equals_rows_alone(&r, &cases[i], VD_WINDOW_CENTERED);
        batch_equals_rows_alone(&r, &cases[i], VD_WINDOW_WITHOUT_FIRST);
        if (cases[i].window > 0) {
            batch_equals_rows_alone(&r, &cases[i], VD_WINDOW_ALIGNED);
        }
    }
    return 0;
}

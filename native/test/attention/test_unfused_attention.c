// Unfused attention (scores, softmax, weighted values): every variant equals the scalar one, which
// is close to the formulas in double; heads with an unedited pattern have the z of fused attention.
#include <math.h>
#include <string.h>

#include "attention/attention_reference.h"
#include "core/pool.h"
#include "support/cache.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/tolerance.h"
#include "support/window.h"

enum { ROWS = 7, H_KV = 2, H_MAX = 6, D_H_MAX = 96, P_MAX = 330, BLOCKS = 6, CASES = 160 };

// Sequence and position of each token.
static const int32_t tokens[ROWS][2] = {{0, 0},  {0, 15},  {1, 63}, {0, 16},
                                        {1, 64}, {1, 300}, {0, 70}};

// ---- whole attention ---------------------------------------------------------------------------

typedef struct unfused_case {
    int32_t H, d_h, d_v, P, window, shape;
    vd_type type;
    float cap;
    int sinks, slopes, biases, shared;
    int32_t reach;
    placement where;
    uint64_t seed;
} unfused_case;

// Returns the last position of the sequence of a row, as far as its rows are adjacent.
static int32_t last_position(int32_t row) {
    while (row + 1 < ROWS && tokens[row + 1][0] == tokens[row][0]) {
        row++;
    }
    return tokens[row][1];
}

// Returns the position after the last one that a row can attend to.
static int32_t end_of(const unfused_case *c, int32_t row) {
    return end_attended(0, c->shape, tokens[row][1], last_position(row));
}

// Patterns of odd heads are doubled, and so is their z. Those of even heads differ from softmax at
// most after the last position that a token can attend to.
typedef struct results {
    float scores[ROWS * H_MAX * P_MAX], softmax[ROWS * H_MAX * P_MAX], z[ROWS * H_MAX * D_H_MAX];
} results;

static results expected, actual;

typedef struct memory {
    batch b;
    vd_kv_cache cache;
    float *q, *whole;  // whole: z of fused attention
    float sinks[H_MAX], slopes[H_MAX];
    float *biases;  // [H, 2 reach + 1]
} memory;

static void prepare(memory *m, const unfused_case *c) {
    rng r = {c->seed};
    batch_begin(&m->b, &r, 2, BLOCKS);
    for (int32_t i = 0; i < ROWS; i++) {
        batch_add(&m->b, tokens[i][0], tokens[i][1], 0, 0);
    }
    m->cache = cache_of_nans(2 * BLOCKS, H_KV, c->d_h, c->d_v, c->type, c->where);
    if (c->shared) {
        share_values(&m->cache);
    }
    cache_fill(&m->cache, m->b.block_tables, 71, &r, ORDINARY);
    cache_fill(&m->cache, m->b.block_tables + BLOCKS, 301, &r, ORDINARY);
    m->q = guarded_alloc((size_t)(ROWS * c->H * c->d_h) * sizeof(float), c->where);
    m->whole = guarded_alloc((size_t)(ROWS * c->H * c->d_v) * sizeof(float), c->where);
    rng_fill(&r, ORDINARY, m->q, (int64_t)ROWS * c->H * c->d_h);
    rng_fill(&r, ORDINARY, m->whole, (int64_t)ROWS * c->H * c->d_v);
    rng_fill(&r, ORDINARY, m->sinks, H_MAX);
    for (int32_t h = 0; h < H_MAX; h++) {
        m->slopes[h] = rng_uniform(&r, 0, 1);
    }
    int64_t biases = (int64_t)c->H * (2 * c->reach + 1);
    m->biases = guarded_alloc((size_t)biases * sizeof(float), c->where);
    rng_fill(&r, ORDINARY, m->biases, biases);
}

static void edit_pattern(const unfused_case *c, float *pattern) {
    for (int32_t i = 0; i < ROWS * c->H; i++) {
        int32_t end = end_of(c, i / c->H);
        float *own = pattern + i * c->P;
        for (int32_t t = 0; t < end && i % 2 == 1; t++) {
            own[t] *= 2;
        }
        for (int32_t t = end; t < c->P; t++) {
            own[t] = 1;
        }
    }
}

static void run(const unfused_case *c, vd_isa isa, int32_t workers, results *y) {
    memory m;
    prepare(&m, c);
    size_t per_head = (size_t)(ROWS * c->H) * sizeof(float);
    float *scores = guarded_alloc(per_head * (size_t)c->P, c->where);
    float *softmax = guarded_alloc(per_head * (size_t)c->P, c->where);
    float *z = guarded_alloc(per_head * (size_t)c->d_v, c->where);
    vd_op ops[2] = {
        {.kind = VD_OP_SCORES,
         .as.scores = {.q = m.q,
                       .cache = m.cache,
                       .y = scores,
                       .slopes = c->slopes ? m.slopes : NULL,
                       .biases = c->biases ? m.biases : NULL,
                       .H = c->H,
                       .P = c->P,
                       .window = c->window,
                       .shape = c->shape,
                       .reach = c->reach,
                       .scale = 0.125f,
                       .cap = c->cap}},
        {.kind = VD_OP_SOFTMAX,
         .barrier = VD_BARRIER_ALWAYS,
         .as.softmax = {.x = scores,
                        .y = softmax,
                        .sinks = c->sinks ? m.sinks : NULL,
                        .H = c->H,
                        .P = c->P,
                        .window = c->window,
                        .shape = c->shape}},
    };
    run_ops(ops, 2, isa, workers, &m.b.view);
    float *pattern = guarded_copy(softmax, per_head * (size_t)c->P, c->where);
    edit_pattern(c, pattern);
    vd_op mix = {.kind = VD_OP_ATTENTION_VALUES,
                 .as.attention_values = {.pattern = pattern,
                                         .softmax = softmax,
                                         .attention = m.whole,
                                         .cache = m.cache,
                                         .z = z,
                                         .H = c->H,
                                         .P = c->P,
                                         .shape = c->shape}};
    run_ops(&mix, 1, isa, workers, &m.b.view);
    memcpy(y->scores, scores, per_head * (size_t)c->P);
    memcpy(y->softmax, softmax, per_head * (size_t)c->P);
    memcpy(y->z, z, per_head * (size_t)c->d_v);
    guarded_free_all();
}

// Checks the scalar results against the formula.
static void check_formula(const unfused_case *c) {
    memory m;
    prepare(&m, c);
    vd_attention op = {.cache = m.cache,
                       .sinks = c->sinks ? m.sinks : NULL,
                       .slopes = c->slopes ? m.slopes : NULL,
                       .biases = c->biases ? m.biases : NULL,
                       .H = c->H,
                       .window = c->window,
                       .scale = 0.125f,
                       .cap = c->cap,
                       .reach = c->reach};
    for (int32_t i = 0; i < ROWS * c->H; i++) {
        const int32_t *token = tokens[i / c->H];
        int32_t h = i % c->H, last = last_position(i / c->H);
        one_query one = {.op = &op,
                         .blocks = m.b.block_tables + token[0] * BLOCKS,
                         .q = m.q + i * c->d_h,
                         .head = h / (c->H / H_KV),
                         .position = token[1],
                         .first = first_attended(c->window, c->shape, token[1] + 1),
                         .end = end_attended(c->window, c->shape, token[1], last),
                         .rotated_back = c->type == VD_Q4_0,
                         .sink = m.sinks[h],
                         .slope = m.slopes[h],
                         .biases = m.biases + h * (2 * c->reach + 1)};
        check_scores(&one, c->P, expected.scores + i * c->P);
        float *z = expected.z + i * c->d_v;
        if (i % 2 == 0) {
            same_floats("z", m.whole + i * c->d_v, z, c->d_v);
        } else {
            float half[D_H_MAX];
            for (int32_t j = 0; j < c->d_v; j++) {
                half[j] = z[j] / 2;
            }
            check_unfused_attention(&one, c->P, half);
        }
    }
    guarded_free_all();
}

static void check_case(const unfused_case *c) {
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        describe(
            "unfused attention %s, H %d, d_h %d, d_v %d, P %d, window %d, type %d, shared %d, cap "
            "%g, "
            "seed %d",
            vd_isa_name(isa), c->H, c->d_h, c->d_v, c->P, c->window, c->type, c->shared,
            (double)c->cap, (int)c->seed);
        if (isa == VD_ISA_SCALAR) {
            run(c, isa, 1, &expected);
            check_formula(c);
        } else {
            run(c, isa, 1 + (int32_t)isa % 4, &actual);
            same_floats("scores", expected.scores, actual.scores, (int64_t)ROWS * c->H * c->P);
            same_floats("softmax", expected.softmax, actual.softmax, (int64_t)ROWS * c->H * c->P);
            same_floats("z", expected.z, actual.z, (int64_t)ROWS * c->H * c->d_v);
        }
    }
}

static void equals_scalar_and_formula(rng *r) {
    static const int32_t widths[] = {1, 15, 16, 40, 64, 80};
    for (int i = 0; i < CASES; i += sweep_step()) {
        vd_type type = kv_types[i % KV_TYPES];
        unfused_case c = {.H = H_KV * (int32_t)rng_between(r, 1, H_MAX / H_KV),
                          .d_h = has_scales(type) ? 32 * (int32_t)rng_between(r, 1, D_H_MAX / 32)
                                                  : widths[rng_below(r, 6)],
                          .P = (int32_t)rng_between(r, 301, P_MAX),
                          .window = rng_below(r, 2) ? (int32_t)rng_between(r, 1, 100) : 0,
                          .shape = (int32_t)rng_below(r, 4),
                          .type = type,
                          .cap = rng_below(r, 3) == 0 ? 3.0f : 0.0f,
                          .sinks = (int)rng_below(r, 2),
                          .slopes = (int)rng_below(r, 2),
                          .biases = (int)rng_below(r, 2),
                          .reach = (int32_t)rng_between(r, 0, 40),
                          .where = (placement)(i / KV_TYPES % PLACEMENTS),
                          .seed = (uint64_t)i};
        c.d_v = i % 3 > 0          ? c.d_h
                : has_scales(type) ? 32 * (int32_t)rng_between(r, 1, D_H_MAX / 32)
                                   : widths[rng_below(r, 6)];
        c.shared = i % 4 == 0 && c.d_v <= c.d_h;
        check_case(&c);
    }
}

// ---- softmax alone -----------------------------------------------------------------------------

enum { H = 3 };

static float x[ROWS * H * LONGEST], first[ROWS * H * LONGEST];

// Adds exp(value - M) to a sum, and the error of this term in f32 to the error of the sum.
static void add_exponential(double value, double M, double *sum, double *error) {
    double e = exp(value - M);
    *sum += e;
    *error += e > 0 ? e * (expm1(roundings(1) * (M - value)) + EXP_ERROR) : 0;
}

// Checks that attended positions of y are exp(x - M) / sum in double, and that all others are 0.
static void check_head(const float *from, const float *sink, const float *y, vd_range attended,
                       int32_t P) {
    double M = sink == NULL ? -HUGE_VAL : (double)*sink, sum = 0, sum_error = 0;
    for (int64_t t = attended.begin; t < attended.end; t++) {
        M = (double)from[t] > M ? (double)from[t] : M;
    }
    if (sink != NULL) {
        add_exponential((double)*sink, M, &sum, &sum_error);
    }
    for (int64_t t = attended.begin; t < attended.end; t++) {
        add_exponential((double)from[t], M, &sum, &sum_error);
    }
    sum_error = sum_error / sum + roundings(lane_sum_depth(P) + 1);
    for (int64_t t = 0; t < P; t++) {
        if (t < attended.begin || t >= attended.end) {
            CHECK(y[t] == 0);
            continue;
        }
        double exact = exp((double)from[t] - M) / sum;
        double own = exact > 0 ? expm1(roundings(1) * (M - (double)from[t])) + EXP_ERROR : 0;
        near("y", t, exact, exact * (own + sum_error + roundings(2)) * 1.001 + underflows(4), y[t]);
    }
}

// Checks softmax of tokens at the last positions: ROWS of them, or P if that is less.
static void softmax_equals_scalar_and_formula(rng *r, int32_t P, int32_t window, int32_t shape,
                                              int sinks, int in_place, placement where) {
    int32_t rows = P < ROWS ? P : ROWS;
    batch b;
    batch_begin(&b, r, 1, (P + VD_KV_BLOCK - 1) / VD_KV_BLOCK);
    for (int32_t i = 0; i < rows; i++) {
        batch_add(&b, 0, P - rows + i, 0, 0);
    }
    float sink[H];
    rng_fill(r, ORDINARY, sink, H);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        describe("softmax %s, P %d, window %d, sinks %d, in place %d", vd_isa_name(isa), P, window,
                 sinks, in_place);
        size_t bytes = (size_t)(rows * H * P) * sizeof(float);
        float *from = guarded_copy(x, bytes, where);
        float *y = in_place ? from : guarded_alloc(bytes, where);
        vd_op op = {
            .kind = VD_OP_SOFTMAX,
            .as.softmax = {.x = from, .y = y, .H = H, .P = P, .window = window, .shape = shape}};
        op.as.softmax.sinks = sinks ? guarded_copy(sink, sizeof sink, where) : NULL;
        run_ops(&op, 1, isa, 1 + (int32_t)isa % 3, &b.view);
        if (isa == VD_ISA_SCALAR) {
            memcpy(first, y, bytes);
            for (int64_t g = 0; g < rows * H; g++) {
                int32_t position = P - rows + (int32_t)(g / H);
                vd_range attended = {first_attended(window, shape, position + 1),
                                     end_attended(window, shape, position, P - 1)};
                check_head(x + g * P, sinks ? &sink[g % H] : NULL, y + g * P, attended, P);
            }
        } else {
            same_floats("y", first, y, rows * H * P);
        }
        guarded_free_all();
    }
}

int main(void) {
    test_begin("unfused_attention");
    rng r = {61};
    equals_scalar_and_formula(&r);
    for (int i = 0; i < LENGTHS; i++) {
        int32_t P = length_at(i);
        rng_fill(&r, ORDINARY, x, sizeof x / sizeof x[0]);
        // Each token attends to at least one position that is not masked. Later positions must not
        // contribute, not even a NaN.
        for (int64_t j = 1; j < (int64_t)(sizeof x / sizeof x[0]); j += 7) {
            x[j] = j % P > 0 ? -INFINITY : x[j];
        }
        int32_t shape = i / 4 % 4;
        for (int64_t row = 0; row < ROWS - 1 && P >= ROWS && shape != VD_WINDOW_CENTERED; row++) {
            x[(row * H + 1) * P + P - 1] = NAN;
        }
        int32_t window = i % 4 == 3 ? 2 + (int32_t)rng_below(&r, 40) : 0;
        softmax_equals_scalar_and_formula(&r, P, window, shape, i % 2, i % 3 == 0,
                                          (placement)(i % PLACEMENTS));
    }
    return 0;
}

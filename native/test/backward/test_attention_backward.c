// attention backward: in batches of several sequences every variant equals the scalar one, which is
// close to differences.
#include <math.h>
#include <string.h>

#include "backward/backward.h"
#include "differences.h"
#include "support/cache.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/isas.h"
#include "support/plans.h"
#include "support/tolerance.h"
#include "support/window.h"

typedef struct attention_case {
    int32_t H, H_kv, d_h, d_v, window;
    float cap;
    int sinks, slopes, shared;  // shared: values are elements of keys
} attention_case;

// Sequences of these numbers of positions. The last positions are rows of the batch.
static const struct {
    int32_t positions, rows;
} parts[] = {{23, 23}, {70, 5}, {1, 1}, {300, 33}};
enum { PARTS = sizeof parts / sizeof parts[0], SMALL = 1, BLOCKS = 6 };

typedef struct results {
    float *dq, *statistics, *dk, *dv;
} results;

typedef struct workload {
    batch b;
    vd_attention_backward op;
    int64_t q_floats, k_floats, v_floats, statistics_floats;
} workload;

static float *random_floats(rng *r, int64_t n, float magnitude) {
    float *p = guarded_alloc((size_t)n * sizeof(float), AT_END);
    for (int64_t i = 0; i < n; i++) {
        p[i] = rng_uniform(r, -magnitude, magnitude);
    }
    return p;
}

// Fills n positions. The rest of the last block stays NaN, as it is not yet written.
static void fill_cache(rng *r, const vd_kv_cache *c, const int32_t *blocks, int32_t n) {
    int32_t whole = (n + VD_KV_BLOCK - 1) / VD_KV_BLOCK * VD_KV_BLOCK;
    for (int32_t t = 0; t < whole; t++) {
        for (int32_t head = 0; head < c->H_kv; head++) {
            for (int32_t i = 0; i < c->d_h; i++) {
                float k = t < n ? rng_uniform(r, -2, 2) : NAN;
                *(float *)key_at(c, blocks, head, t, i).at = k;
            }
            for (int32_t i = 0; i < c->d_v; i++) {
                float v = t < n ? rng_uniform(r, -2, 2) : NAN;
                *(float *)value_at(c, blocks, head, t, i).at = v;
            }
        }
    }
}

// Prepares a batch of the first n_parts sequences.
static void prepare(workload *w, rng *r, const attention_case *c, int n_parts) {
    batch_begin(&w->b, r, PARTS, BLOCKS);
    vd_kv_cache cache = cache_of_nans(PARTS * BLOCKS, c->H_kv, c->d_h, c->d_v, VD_F32, AT_END);
    if (c->shared) {
        share_values(&cache);
    }
    for (int32_t s = 0; s < n_parts; s++) {
        fill_cache(r, &cache, w->b.block_tables + s * BLOCKS, parts[s].positions);
        for (int32_t p = parts[s].positions - parts[s].rows; p < parts[s].positions; p++) {
            batch_add(&w->b, s, p, 0, 0);
        }
    }
    int64_t n = w->b.view.n_tokens;
    w->q_floats = n * c->H * c->d_h;
    w->k_floats = n * c->H_kv * c->d_h;
    w->v_floats = n * c->H_kv * c->d_v;
    w->statistics_floats = n * c->H * 3;
    w->op = (vd_attention_backward){
        .attention = {.q = random_floats(r, w->q_floats, 2),
                      .cache = cache,
                      .sinks = c->sinks ? random_floats(r, c->H, 1) : NULL,
                      .slopes = c->slopes ? random_floats(r, c->H, 0.2f) : NULL,
                      .H = c->H,
                      .window = c->window,
                      .scale = 1.0f / sqrtf((float)c->d_h),
                      .cap = c->cap},
        .dz = random_floats(r, n * c->H * c->d_v, 1),
    };
}

static results results_of(const workload *w) {
    return (results){guarded_alloc((size_t)w->q_floats * sizeof(float), AT_END),
                     guarded_alloc((size_t)w->statistics_floats * sizeof(float), AT_END),
                     guarded_alloc((size_t)w->k_floats * sizeof(float), AT_END),
                     guarded_alloc((size_t)w->v_floats * sizeof(float), AT_END)};
}

static void run(workload *w, vd_isa isa, int32_t workers, results r) {
    vd_attention_backward *op = &w->op;
    op->dq = memset(r.dq, CANARY, (size_t)w->q_floats * sizeof(float));
    op->statistics = memset(r.statistics, CANARY, (size_t)w->statistics_floats * sizeof(float));
    op->dk = memset(r.dk, CANARY, (size_t)w->k_floats * sizeof(float));
    op->dv = memset(r.dv, CANARY, (size_t)w->v_floats * sizeof(float));
    vd_op ops[2] = {
        {.kind = VD_OP_QUERY_BACKWARD, .as.attention_backward = *op},
        {.kind = VD_OP_KEY_VALUE_BACKWARD,
         .barrier = VD_BARRIER_ALWAYS,
         .as.attention_backward = *op},
    };
    run_ops(ops, 2, isa, workers, &w->b.view);
}

static void variants_equal_scalar(rng *r, const attention_case *c, int32_t shape) {
    workload w;
    prepare(&w, r, c, PARTS);
    w.op.attention.shape = shape;
    describe("attention backward scalar, H %d, H_kv %d, d_h %d", c->H, c->H_kv, c->d_h);
    results expected = results_of(&w), actual = results_of(&w);
    run(&w, VD_ISA_SCALAR, 1, expected);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        for (int32_t workers = 1; workers <= 3; workers++) {
            describe("attention backward %s, %d workers, H %d, H_kv %d, d_h %d, window %d, cap %g",
                     vd_isa_name(isa), workers, c->H, c->H_kv, c->d_h, c->window, (double)c->cap);
            run(&w, isa, workers, actual);
            same_floats("statistics", expected.statistics, actual.statistics, w.statistics_floats);
            same_floats("dq", expected.dq, actual.dq, w.q_floats);
            same_floats("dk", expected.dk, actual.dk, w.k_floats);
            same_floats("dv", expected.dv, actual.dv, w.v_floats);
        }
    }
    guarded_free_all();
}

// ---- differences ------------------------------------------------------------------------------

typedef enum tensor { QUERY, KEY, VALUE } tensor;

// The parameters of dz . z, summed over the rows of the first sequence and the query heads of a KV
// head, as a function of one element.
typedef struct total {
    const workload *w;
    tensor which;
    int32_t row, head, i;  // the head is that of the key or value, or of the query
} total;

// Returns element i of a key or value.
static double cached(const total *t, double x, int32_t head, int32_t position, int32_t i,
                     tensor which) {
    const vd_kv_cache *c = &t->w->op.attention.cache;
    if (t->which == which && t->row == position && t->head == head && t->i == i) {
        return x;
    }
    const int32_t *blocks = t->w->b.block_tables;
    kv_element element = (which == KEY ? key_at : value_at)(c, blocks, head, position, i);
    return (double)*(float *)element.at;
}

static double query(const total *t, double x, int32_t row, int32_t head, int32_t i) {
    const vd_attention *a = &t->w->op.attention;
    int same = t->which == QUERY && t->row == row && t->head == head && t->i == i;
    return same ? x : (double)a->q[((int64_t)row * a->H + head) * a->cache.d_h + i];
}

static double score(const total *t, double x, int32_t row, int32_t head, int32_t position) {
    const vd_attention *a = &t->w->op.attention;
    double s = 0;
    for (int32_t i = 0; i < a->cache.d_h; i++) {
        s += query(t, x, row, head, i) *
             cached(t, x, head / (a->H / a->cache.H_kv), position, i, KEY);
    }
    s *= (double)a->scale;
    s = a->cap > 0 ? (double)a->cap * tanh(s / (double)a->cap) : s;
    return a->slopes == NULL ? s : s + (double)a->slopes[head] * (position - row);
}

static double of_query(const total *t, double x, int32_t row, int32_t head) {
    const vd_attention *a = &t->w->op.attention;
    const float *dz = t->w->op.dz + ((int64_t)row * a->H + head) * a->cache.d_v;
    int32_t first = first_attended(a->window, a->shape, row + 1);
    double sum = a->sinks == NULL ? 0 : exp((double)a->sinks[head]), weighted = 0;
    for (int32_t p = first; p <= row; p++) {
        double e = exp(score(t, x, row, head, p)), along = 0;
        for (int32_t i = 0; i < a->cache.d_v; i++) {
            along += (double)dz[i] * cached(t, x, head / (a->H / a->cache.H_kv), p, i, VALUE);
        }
        sum += e;
        weighted += e * along;
    }
    return weighted / sum;
}

static double total_of(const void *parameters, double x) {
    const total *t = parameters;
    const vd_attention *a = &t->w->op.attention;
    int32_t group = a->H / a->cache.H_kv;
    if (t->which == QUERY) {
        return of_query(t, x, t->row, t->head);
    }
    double sum = 0;
    for (int32_t row = t->row; row < parts[0].rows; row++) {
        for (int32_t h = t->head * group; h < (t->head + 1) * group; h++) {
            sum += of_query(t, x, row, h);
        }
    }
    return sum;
}

// Returns the error bound of a gradient. Scores have one rounding for each of d_h terms, and so has
// dz . v; probabilities have these errors and those of exp and of the sums. Gradients of scores are
// products of these, weighted by probabilities that sum to 1; n of them are added in a key.
static double tolerance_of(const attention_case *c, int64_t n) {
    double scores = 4 * sqrt(c->d_h) + 5, along = 2.0 * c->d_v;
    double probability = 2 * roundings(c->d_h + 6) * scores + 2 * EXP_ERROR + roundings(12);
    double gradient = 2 * along * (2 * probability + roundings(c->d_h + c->d_v + 12));
    return (2 * gradient + difference_error(8 * along)) * (double)n;
}

static void check_tensor(const workload *w, const attention_case *c, tensor which, int32_t heads,
                         const float *actual) {
    static const char *const names[] = {"dq", "dk", "dv"};
    int32_t width = which == VALUE ? c->d_v : c->d_h;
    for (int32_t row = 0; row < parts[0].rows; row += 3) {
        for (int32_t head = 0; head < heads; head++) {
            for (int32_t i = 0; i < width; i += 3) {
                total t = {w, which, row, head, i};
                total none = {.w = w, .row = -1};
                double x = which == QUERY ? query(&none, 0, row, head, i)
                                          : cached(&none, 0, head, row, i, which);
                int64_t n = which == QUERY ? 1 : (int64_t)(parts[0].rows - row) * c->H / c->H_kv;
                int64_t at = ((int64_t)row * heads + head) * width + i;
                near(names[which], at, derivative_at(total_of, &t, x), tolerance_of(c, n),
                     actual[at]);
            }
        }
    }
}

static void gradients_match_differences(rng *r, const attention_case *c, int32_t shape) {
    workload w;
    prepare(&w, r, c, SMALL);
    w.op.attention.shape = shape;
    describe(
        "attention backward against differences, H %d, H_kv %d, window %d, cap %g, sinks %d, "
        "slopes %d",
        c->H, c->H_kv, c->window, (double)c->cap, c->sinks, c->slopes);
    results actual = results_of(&w);
    run(&w, VD_ISA_SCALAR, 1, actual);
    check_tensor(&w, c, QUERY, c->H, actual.dq);
    check_tensor(&w, c, KEY, c->H_kv, actual.dk);
    check_tensor(&w, c, VALUE, c->H_kv, actual.dv);
    guarded_free_all();
}

// Checks that gradients and maxima are +0 if scores are 0 and products underflow. Queries that do
// not attend to a key may add nothing to its gradient, or zeros of either sign.
static void sums_zeros_to_positive_zero(rng *r) {
    attention_case c = {1, 1, 8, 8, 4, 0, 0, 0, 0};
    workload w;
    prepare(&w, r, &c, SMALL);
    float *q = guarded_alloc((size_t)w.q_floats * sizeof(float), AT_END);
    float *dz = guarded_alloc((size_t)w.q_floats * sizeof(float), AT_END);
    for (int64_t i = 0; i < w.q_floats; i++) {
        q[i] = i % 2 == 0 ? 0.0f : -0.0f;
        dz[i] = i < w.q_floats / 2 ? -0x1p-149f : 0x1p-149f;
    }
    w.op.attention.q = q;
    w.op.dz = dz;
    results expected = results_of(&w), actual = results_of(&w);
    run(&w, VD_ISA_SCALAR, 1, expected);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        describe("attention backward %s of products that underflow", vd_isa_name(isa));
        run(&w, isa, 2, actual);
        same_floats("dq", expected.dq, actual.dq, w.q_floats);
        same_floats("dk", expected.dk, actual.dk, w.k_floats);
        same_floats("dv", expected.dv, actual.dv, w.v_floats);
        same_floats("statistics", expected.statistics, actual.statistics, w.statistics_floats);
    }
    guarded_free_all();
}

static void rejects_unsupported_caches(rng *r) {
    describe("attention backward of caches without a kernel");
    attention_case c = {2, 1, 32, 32, 0, 0, 0, 0, 0};
    workload w;
    prepare(&w, r, &c, SMALL);
    w.op.statistics = w.op.dq = w.op.dk = w.op.dv = (float *)w.op.dz;
    for (vd_op_kind kind = VD_OP_QUERY_BACKWARD; kind <= VD_OP_KEY_VALUE_BACKWARD; kind++) {
        for (int too_long = 0; too_long < 2; too_long++) {
            vd_op op = {.kind = (int32_t)kind, .as.attention_backward = w.op};
            vd_kv_cache *cache = &op.as.attention_backward.attention.cache;
            vd_limits limits = {30, 1, 100, 10, 10, 0, 0};
            cache->type = too_long ? VD_F32 : VD_F16;
            cache->stride = 1 << 20;
            limits.positions = too_long ? VD_BACKWARD_POSITIONS + 1 : 100;
            vd_plan *plan;
            int32_t bad_op;
            CHECK(vd_plan_create(&op, 1, &limits, VD_ISA_SCALAR, &plan, &bad_op) == VD_UNSUPPORTED);
        }
    }
    guarded_free_all();
}

int main(void) {
    test_begin("attention_backward");
    rng r = {34};
    static const attention_case cases[] = {
        {2, 2, 8, 8, 0, 0, 0, 0, 0},    {4, 2, 15, 15, 0, 0, 0, 0, 0},
        {6, 2, 8, 8, 7, 0, 0, 0, 0},    {3, 1, 8, 8, 0, 2, 0, 0, 0},
        {4, 4, 8, 8, 0, 0, 1, 0, 0},    {4, 2, 8, 8, 0, 0, 0, 1, 0},
        {4, 2, 16, 16, 5, 1, 1, 1, 0},  {9, 3, 64, 64, 0, 0, 0, 0, 0},
        {60, 1, 5, 5, 100, 0, 0, 0, 0}, {2, 1, 80, 80, 0, 3, 0, 1, 0},
        {1, 1, 1, 1, 0, 0, 0, 0, 0},    {3, 3, 12, 8, 0, 0, 0, 0, 0},
        {4, 2, 5, 16, 6, 2, 1, 1, 0},   {4, 4, 24, 17, 0, 0, 0, 0, 0},
        {6, 1, 12, 8, 0, 0, 0, 0, 1},   {4, 2, 23, 18, 7, 2, 1, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += (size_t)sweep_step()) {
        static const int32_t shapes[] = {VD_WINDOW_SLIDING, VD_WINDOW_WITHOUT_FIRST,
                                         VD_WINDOW_ALIGNED};
        for (size_t j = 0; j < (cases[i].window > 0 ? 3 : 2); j++) {
            variants_equal_scalar(&r, &cases[i], shapes[j]);
            if (cases[i].d_h <= 16 && cases[i].H < 10) {
                gradients_match_differences(&r, &cases[i], shapes[j]);
            }
        }
    }
    sums_zeros_to_positive_zero(&r);
    rejects_unsupported_caches(&r);
    return 0;
}

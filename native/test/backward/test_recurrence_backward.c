// recurrence backward: in batches of several sequences every variant equals the scalar one, which
// is close to differences of the definition in double.
#include <math.h>
#include <string.h>

#include "backward/backward.h"
#include "core/plan_ops.h"
#include "differences.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/tolerance.h"

enum { H_MAX = 4, WIDTH = H_MAX * 130, RUNS = 4, ROWS = 45, SMALL = 12 };

// The number of rows of each run and its sequence. Sequence 0 has two runs.
static const int32_t runs[RUNS][2] = {{SMALL, 0}, {1, 1}, {25, 2}, {7, 0}};

// The inputs that have gradients.
typedef enum tensor { QUERY, KEY, VALUE, STEP, BETA, TENSORS } tensor;

static const char *const names[TENSORS] = {"dq", "dk", "dv", "dstep", "dbeta"};

typedef struct recurrence_case {
    int32_t H_k, H, d_k, d_v, delta, tiled, skips;
} recurrence_case;

static float inputs[TENSORS][ROWS * WIDTH], dz[ROWS * WIDTH], a[H_MAX], skip[H_MAX];

static int32_t width_of(const recurrence_case *c, tensor which) {
    return which == VALUE ? c->H * c->d_v : which >= STEP ? c->H : c->H_k * c->d_k;
}

typedef float results[TENSORS][ROWS * WIDTH];

static results expected, actual;

static float *guarded_rows(const float *rows, int32_t width, placement where) {
    return guarded_copy(rows, sizeof(float) * (size_t)(ROWS * width), where);
}

static void run(const recurrence_case *c, vd_isa isa, int32_t workers, const batch *b,
                placement where, results found) {
    const float *in[TENSORS];
    float *out[TENSORS];
    for (tensor i = 0; i < TENSORS; i++) {
        in[i] = guarded_rows(inputs[i], width_of(c, i), where);
        out[i] = guarded_alloc(sizeof(float) * (size_t)(ROWS * width_of(c, i)), where);
    }
    vd_recurrence_backward op = {
        .recurrence = {.q = in[QUERY],
                       .k = in[KEY],
                       .v = in[VALUE],
                       .step = in[STEP],
                       .beta = in[BETA],
                       .a = guarded_copy(a, sizeof(float) * (size_t)c->H, where),
                       .skip = c->skips ? guarded_copy(skip, sizeof(float) * (size_t)c->H, where)
                                        : NULL,
                       .H_k = c->H_k,
                       .H = c->H,
                       .d_k = c->d_k,
                       .d_v = c->d_v,
                       .delta = c->delta,
                       .tiled = c->tiled},
        .dz = guarded_rows(dz, c->H * c->d_v, where),
        .residual = guarded_alloc(sizeof(float) * (size_t)(ROWS * c->H * c->d_v), where),
        .dq = out[QUERY],
        .dk = out[KEY],
        .dv = out[VALUE],
        .dstep = out[STEP],
        .dbeta = out[BETA],
    };
    vd_op ops = {.kind = VD_OP_RECURRENCE_BACKWARD, .as.recurrence_backward = op};
    run_ops(&ops, 1, isa, workers, &b->view);
    for (tensor i = 0; i < TENSORS; i++) {
        memcpy(found[i], out[i], sizeof(float) * (size_t)(ROWS * width_of(c, i)));
    }
    guarded_free_all();
}

// ---- differences ------------------------------------------------------------------------------

// The parameters of dz . z, summed over the first run, as a function of one element of an input.
// With magnitudes, all values are replaced by magnitudes and differences by sums: the derivatives
// are then the sums of the magnitudes of a gradient's terms.
typedef struct total {
    const recurrence_case *c;
    tensor which;
    int32_t index;
    int magnitudes;
} total;

static double input(const total *t, double x, tensor which, int32_t index) {
    double value = which == t->which && index == t->index ? x : (double)inputs[which][index];
    return t->magnitudes ? fabs(value) : value;
}

// Updates the state [d_k, d_v] of a head by a row, and returns dz . z.
static double update_state(const total *t, double x, double *state, int32_t row, int32_t head) {
    const recurrence_case *c = t->c;
    int32_t key_head = c->tiled ? head % c->H_k : head / (c->H / c->H_k);
    int32_t key = (row * c->H_k + key_head) * c->d_k, number = row * c->H + head;
    double decay = exp((double)a[head] * input(t, x, STEP, number)), sum = 0;
    for (int32_t j = 0; j < c->d_v; j++) {
        double v = input(t, x, VALUE, number * c->d_v + j), known = 0;
        double z = c->skips ? v * (double)(t->magnitudes ? fabsf(skip[head]) : skip[head]) : 0;
        for (int32_t i = 0; i < c->d_k; i++) {
            state[i * c->d_v + j] *= decay;
            known += state[i * c->d_v + j] * input(t, x, KEY, key + i);
        }
        known *= t->magnitudes ? -c->delta : c->delta;
        double u = input(t, x, BETA, number) * (v - known);
        for (int32_t i = 0; i < c->d_k; i++) {
            state[i * c->d_v + j] += input(t, x, KEY, key + i) * u;
            z += state[i * c->d_v + j] * input(t, x, QUERY, key + i);
        }
        double gradient = (double)dz[number * c->d_v + j];
        sum += z * (t->magnitudes ? fabs(gradient) : gradient);
    }
    return sum;
}

static double total_of(const void *parameters, double x) {
    const total *t = parameters;
    double sum = 0;
    for (int32_t head = 0; head < t->c->H; head++) {
        double state[16 * 16] = {0};
        for (int32_t row = 0; row < SMALL; row++) {
            sum += update_state(t, x, state, row, head);
        }
    }
    return sum;
}

// Returns the number of roundings of a term: in up to SMALL positions forward and as many backward,
// each with products of rows, sums over positions, strengths and decays. The logarithm of a decay
// rounds, and exp doubles the relative error.
static int64_t depth(const recurrence_case *c) {
    const int64_t longest_step = 2;
    int64_t sums = lane_sum_depth(c->d_k) + lane_sum_depth(c->d_v) + (int64_t)SMALL * c->H;
    return 2 * SMALL * (sums + 3 + longest_step + 5);
}

static void check_differences(const recurrence_case *c) {
    describe("recurrence backward against differences, %d of %d heads of %d and %d, delta %d",
             c->H_k, c->H, c->d_k, c->d_v, c->delta);
    for (tensor which = 0; which < TENSORS; which++) {
        for (int32_t i = 0; i < SMALL * width_of(c, which); i++) {
            total t = {c, which, i, 0}, magnitudes = {c, which, i, 1};
            double x = (double)inputs[which][i], size = fabs(x);
            double terms = fabs(derivative_at(total_of, &magnitudes, size));
            double tolerance =
                roundings(depth(c)) * terms + difference_error(8 * total_of(&magnitudes, size));
            near(names[which], i, derivative_at(total_of, &t, x), tolerance, expected[which][i]);
        }
    }
}

// ---- cases ------------------------------------------------------------------------------------

static void fill(rng *r, const recurrence_case *c, floats kind) {
    for (tensor i = 0; i < TENSORS; i++) {
        rng_fill(r, kind, inputs[i], ROWS * WIDTH);
    }
    rng_fill(r, kind, dz, ROWS * WIDTH);
    for (int i = 0; i < ROWS * H_MAX; i++) {
        inputs[STEP][i] = rng_uniform(r, 0.1f, 2);
        inputs[BETA][i] = rng_uniform(r, 0, 1);
    }
    // The delta rule stays bounded for keys of length 1 at most.
    for (int i = 0; i < ROWS * WIDTH; i++) {
        inputs[KEY][i] /= 4 * sqrtf((float)c->d_k);
    }
    for (int i = 0; i < H_MAX; i++) {
        a[i] = rng_uniform(r, -1, -0.1f);
        skip[i] = rng_uniform(r, -1, 1);
    }
}

static void fill_batch(rng *r, batch *b) {
    batch_begin(b, r, 3, 1);
    int32_t ends[3] = {0};
    for (int i = 0; i < RUNS; i++) {
        for (int32_t row = 0; row < runs[i][0]; row++) {
            batch_add(b, runs[i][1], ends[runs[i][1]]++, 0, 0);
        }
    }
}

static void check_case(rng *r, const recurrence_case *c, floats kind) {
    batch b;
    fill_batch(r, &b);
    fill(r, c, kind);
    placement where = (placement)rng_below(r, PLACEMENTS);
    describe("recurrence backward scalar, %d of %d heads of %d and %d, delta %d", c->H_k, c->H,
             c->d_k, c->d_v, c->delta);
    run(c, VD_ISA_SCALAR, 1, &b, where, expected);
    if (kind == ORDINARY && c->d_k <= 16 && c->d_v <= 16) {
        check_differences(c);
    }
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        int32_t workers = (int32_t)rng_between(r, 1, 4);
        describe("recurrence backward %s, %d of %d heads of %d and %d, delta %d, %d workers, %s",
                 vd_isa_name(isa), c->H_k, c->H, c->d_k, c->d_v, c->delta, workers,
                 floats_name(kind));
        run(c, isa, workers, &b, where, actual);
        for (tensor i = 0; i < TENSORS; i++) {
            same_floats(names[i], expected[i], actual[i], (int64_t)ROWS * width_of(c, i));
        }
    }
}

// Checks that the gradients of a run do not depend on the other rows of the batch.
static void does_not_depend_on_the_batch(rng *r) {
    const recurrence_case c = {1, 2, 5, 17, 1, 0, 1};
    batch all, alone;
    fill_batch(r, &all);
    fill(r, &c, ORDINARY);
    describe("recurrence backward of a sequence alone");
    run(&c, VD_ISA_SCALAR, 2, &all, AT_END, expected);
    batch_begin(&alone, r, 1, 1);
    for (int32_t p = 0; p < SMALL; p++) {
        batch_add(&alone, 0, p, 0, 0);
    }
    run(&c, VD_ISA_SCALAR, 2, &alone, AT_END, actual);
    for (tensor i = 0; i < TENSORS; i++) {
        same_floats(names[i], expected[i], actual[i], (int64_t)SMALL * width_of(&c, i));
    }
}

static void rejects_too_many_positions(void) {
    describe("recurrence backward of too many positions");
    vd_limits limits = plan_limits;
    limits.positions = VD_BACKWARD_POSITIONS + 1;
    vd_op op = valid_op(VD_OP_RECURRENCE_BACKWARD);
    vd_plan *plan;
    int32_t bad_op;
    CHECK(vd_plan_create(&op, 1, &limits, VD_ISA_SCALAR, &plan, &bad_op) == VD_UNSUPPORTED);
}

int main(void) {
    test_begin("recurrence_backward");
    static const recurrence_case cases[] = {
        {1, 1, 1, 1, 1, 0, 0},    {2, 4, 4, 3, 0, 0, 1},   {2, 4, 4, 3, 1, 0, 0},
        {2, 4, 4, 3, 1, 1, 1},    {1, 3, 16, 7, 1, 0, 0},  {3, 3, 7, 16, 1, 1, 1},
        {1, 2, 3, 5, 0, 0, 0},    {1, 3, 32, 33, 1, 0, 1}, {2, 4, 24, 64, 1, 1, 0},
        {1, 2, 40, 130, 1, 0, 1}, {4, 4, 130, 17, 0, 1, 0}};
    rng r = {71};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (floats kind = 0; kind < FLOATS_COUNT; kind++) {
            check_case(&r, &cases[i], kind);
        }
    }
    does_not_depend_on_the_batch(&r);
    rejects_too_many_positions();
    return 0;
}

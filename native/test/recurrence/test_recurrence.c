// recurrence: every variant equals the scalar one, which is close to its definition as linear
// attention in double; sequences divided into steps, alone or together, and rolled back within a
// span, equal each in one step.
#include <math.h>
#include <string.h>

#include "core/plan_ops.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/tolerance.h"

enum { SEQUENCES = 3, POSITIONS = 52, H_MAX = 4, WIDTH = H_MAX * 130, GAP = 64 };

// The division of sequences into steps: whole and alone, by token, or into pieces, some of them run
// again.
typedef enum division { ALONE, TOKENS, PIECES, DIVISIONS } division;

typedef struct sizes {
    int32_t H_k;
    int32_t H;
    int32_t d_k;
    int32_t d_v;
} sizes;

typedef struct recurrence_case {
    sizes size;
    int32_t delta;
    int32_t tiled;
    int32_t skips;
    int32_t workers;
    placement where;
} recurrence_case;

typedef struct sequence {
    float q[POSITIONS * WIDTH], k[POSITIONS * WIDTH], v[POSITIONS * WIDTH];
    float step[POSITIONS * H_MAX], beta[POSITIONS * H_MAX];
} sequence;

typedef float results[SEQUENCES][POSITIONS * WIDTH];

static sequence sequences[SEQUENCES];
static float a[H_MAX], skip[H_MAX];
static results expected, actual;

static int64_t stride_of(const recurrence_case *c) {
    int64_t head = c->size.d_k * c->size.d_v + VD_SPAN * (c->size.d_k + c->size.d_v + 2);
    return (c->size.H * head * 4 + 63) / 64 * 64 + GAP;
}

// Chooses the next step: the positions at which each sequence begins, possibly before its end, and
// ends.
static void next_step(rng *r, division how, int32_t *begin, int32_t *end) {
    int alone = 1;
    for (int s = 0; s < SEQUENCES; s++) {
        int32_t last_span = end[s] == 0 ? 0 : (end[s] - 1) / VD_SPAN * VD_SPAN;
        int again = how == PIECES && rng_below(r, 3) == 0;
        begin[s] = again ? (int32_t)rng_between(r, last_span, end[s]) : end[s];
        int32_t left = POSITIONS - begin[s];
        int32_t n = how == ALONE    ? alone * left
                    : how == TOKENS ? 1
                                    : (int32_t)rng_between(r, again, 20);
        n = n < left ? n : left;
        end[s] = begin[s] + n;
        alone = alone && left == 0;
    }
}

// Returns the n rows of a step next to the guard page of memory for the rows of all sequences.
static float *step_rows(const recurrence_case *c, const float *memory, int32_t width, int32_t n) {
    return (float *)memory + (c->where == AT_END ? (SEQUENCES * POSITIONS - n) * width : 0);
}

// Copies the rows of a member that a step takes, one sequence after the other.
static void gather(float *rows, size_t member, int32_t width, const int32_t *begin,
                   const int32_t *end) {
    for (int s = 0; s < SEQUENCES; s++) {
        const float *all = (const float *)((const char *)&sequences[s] + member);
        int32_t count = (end[s] - begin[s]) * width;
        memcpy(rows, all + begin[s] * width, sizeof(float) * (size_t)count);
        rows += count;
    }
}

#define GATHER(member, width)                                            \
    do {                                                                 \
        float *rows = step_rows(c, all->as.recurrence.member, width, n); \
        gather(rows, offsetof(sequence, member), width, begin, end);     \
        op.as.recurrence.member = rows;                                  \
    } while (0)

// Runs a step of an operation with buffers of rows for all sequences, and copies the step's rows of
// z.
static void run_step(const recurrence_case *c, vd_isa isa, batch *b, const vd_op *all,
                     const int32_t *begin, const int32_t *end, results z) {
    int32_t n = 0, width = c->size.H * c->size.d_v, key_width = c->size.H_k * c->size.d_k;
    batch_clear(b);
    for (int s = 0; s < SEQUENCES; s++) {
        for (int32_t p = begin[s]; p < end[s]; p++, n++) {
            batch_add(b, s, p, 0, 0);
        }
    }
    vd_op op = *all;
    GATHER(q, key_width);
    GATHER(k, key_width);
    GATHER(v, width);
    GATHER(step, c->size.H);
    GATHER(beta, c->size.H);
    op.as.recurrence.z = step_rows(c, all->as.recurrence.z, width, n);
    run_ops(&op, 1, isa, c->workers, &b->view);
    const float *out = op.as.recurrence.z;
    for (int s = 0; s < SEQUENCES; s++) {
        int32_t count = (end[s] - begin[s]) * width;
        memcpy(z[s] + begin[s] * width, out, sizeof(float) * (size_t)count);
        out += count;
    }
}

static int all_done(const int32_t *end) {
    int32_t done = 0;
    for (int s = 0; s < SEQUENCES; s++) {
        done += end[s];
    }
    return done == SEQUENCES * POSITIONS;
}

static float *all_rows(const recurrence_case *c, int32_t width) {
    return guarded_alloc(sizeof(float) * (size_t)(SEQUENCES * POSITIONS * width), c->where);
}

// Runs all sequences with slots of NaNs, which show if states are read that were not stored. Checks
// the gaps between slots.
static void run(const recurrence_case *c, vd_isa isa, division how, rng *r, results z) {
    batch b;
    batch_begin(&b, r, SEQUENCES, 1);
    size_t bytes = (size_t)(SEQUENCES * stride_of(c));
    float *states = guarded_alloc(bytes, c->where);
    memset(states, 0xff, bytes);
    vd_op op = {
        .kind = VD_OP_RECURRENCE,
        .as.recurrence = {
            .q = all_rows(c, c->size.H_k * c->size.d_k),
            .k = all_rows(c, c->size.H_k * c->size.d_k),
            .v = all_rows(c, c->size.H * c->size.d_v),
            .step = all_rows(c, c->size.H),
            .beta = all_rows(c, c->size.H),
            .a = guarded_copy(a, sizeof(float) * (size_t)c->size.H, c->where),
            .z = all_rows(c, c->size.H * c->size.d_v),
            .skip =
                c->skips ? guarded_copy(skip, sizeof(float) * (size_t)c->size.H, c->where) : NULL,
            .states = states,
            .stride = stride_of(c),
            .H_k = c->size.H_k,
            .H = c->size.H,
            .d_k = c->size.d_k,
            .d_v = c->size.d_v,
            .delta = c->delta,
            .tiled = c->tiled}};
    int32_t begin[SEQUENCES], end[SEQUENCES] = {0};
    while (!all_done(end)) {
        next_step(r, how, begin, end);
        run_step(c, isa, &b, &op, begin, end, z);
    }
    char unwritten[GAP];
    memset(unwritten, 0xff, GAP);
    for (int64_t i = 1; i <= SEQUENCES; i++) {
        same_bytes("gap after a slot", unwritten, (const char *)states + i * stride_of(c) - GAP,
                   GAP);
    }
    guarded_free_all();
}

// Returns the decay from one position to another: the exponential of a sum of logarithms.
static double decay(const recurrence_case *c, const sequence *x, int32_t head, int32_t from,
                    int32_t to) {
    double sum = 0;
    for (int32_t p = from + 1; p <= to; p++) {
        sum += (double)a[head] * (double)x->step[p * c->size.H + head];
    }
    return exp(sum);
}

// Returns the product of row p with the key at position t, and stores that of their magnitudes.
static double product(const recurrence_case *c, const sequence *x, const float *rows, int32_t p,
                      int32_t t, int32_t key_head, double *magnitude) {
    double sum = 0;
    *magnitude = 0;
    for (int32_t i = 0; i < c->size.d_k; i++) {
        double term = (double)rows[(p * c->size.H_k + key_head) * c->size.d_k + i] *
                      (double)x->k[(t * c->size.H_k + key_head) * c->size.d_k + i];
        sum += term;
        *magnitude += fabs(term);
    }
    return sum;
}

// A value and the error bound of the kernel's result.
typedef struct bounded {
    double value;
    double error;
} bounded;

// Returns what row p of queries or keys reads from the updates before position `end`.
static bounded read_updates(const recurrence_case *c, const sequence *x, const float *rows,
                            int32_t p, int32_t end, int32_t head, const bounded *updates) {
    const double longest_step = 2;
    int32_t key_head = c->tiled ? head % c->size.H_k : head / (c->size.H / c->size.H_k);
    bounded y = {0, 0};
    for (int32_t t = 0; t < end; t++) {
        double magnitude, kept = decay(c, x, head, t, p);
        double weight = kept * product(c, x, rows, p, t, key_head, &magnitude);
        int32_t spans = p / VD_SPAN - t / VD_SPAN;
        // Logarithms are sums of up to VD_SPAN rounded steps.
        double logarithm = 2 * VD_SPAN * VD_SPAN * longest_step * UNIT_ROUNDOFF;
        double relative = roundings(c->size.d_k + VD_SPAN + 4 + spans * (VD_SPAN + 4)) +
                          (2 + spans) * (2 * EXP_ERROR + logarithm);
        y.value += weight * updates[t].value;
        y.error += kept * magnitude *
                   (updates[t].error + relative * (fabs(updates[t].value) + updates[t].error));
    }
    y.error += underflows(c->size.d_k + (int64_t)2 * end);
    return y;
}

static void check_column(const recurrence_case *c, const sequence *x, const float *z, int32_t head,
                         int32_t column) {
    bounded updates[POSITIONS];
    for (int32_t p = 0; p < POSITIONS; p++) {
        int32_t i = (p * c->size.H + head) * c->size.d_v + column;
        bounded known = {0, 0};
        if (c->delta) {
            known = read_updates(c, x, x->k, p, p, head, updates);
        }
        double beta = (double)x->beta[p * c->size.H + head];
        double difference = (double)x->v[i] - known.value;
        updates[p].value = beta * difference;
        updates[p].error =
            beta * known.error * (1 + roundings(2)) + roundings(2) * fabs(beta * difference);
        bounded exact = read_updates(c, x, x->q, p, p + 1, head, updates);
        double skipped = c->skips ? (double)skip[head] * (double)x->v[i] : 0;
        double error =
            exact.error + roundings(1) * (fabs(exact.value) + exact.error + fabs(skipped));
        near("z", i, exact.value + skipped, error, z[i]);
    }
}

static void check_definition(const recurrence_case *c) {
    for (int32_t head = 0; head < c->size.H; head++) {
        check_column(c, &sequences[0], expected[0], head, 0);
        check_column(c, &sequences[SEQUENCES - 1], expected[SEQUENCES - 1], head, c->size.d_v - 1);
    }
}

static void fill_sequences(rng *r, floats kind) {
    for (int s = 0; s < SEQUENCES; s++) {
        sequence *x = &sequences[s];
        rng_fill(r, kind, x->q, POSITIONS * WIDTH);
        rng_fill(r, kind, x->k, POSITIONS * WIDTH);
        rng_fill(r, kind, x->v, POSITIONS * WIDTH);
        for (int i = 0; i < POSITIONS * H_MAX; i++) {
            x->step[i] = rng_uniform(r, 0.7f, 2);
            x->beta[i] = rng_uniform(r, 0, 1);
        }
    }
    for (int i = 0; i < H_MAX; i++) {
        a[i] = rng_uniform(r, -1, -0.1f);
        skip[i] = rng_uniform(r, -1, 1);
    }
}

// Scales keys to a length of 1 at most, for which the delta rule stays bounded.
static void shorten_keys(const recurrence_case *c) {
    for (int s = 0; s < SEQUENCES; s++) {
        for (int i = 0; i < POSITIONS * WIDTH; i++) {
            sequences[s].k[i] /= 4 * sqrtf((float)c->size.d_k);
        }
    }
}

static void check_case(rng *r, sizes size, floats kind) {
    recurrence_case c = {.size = size,
                         .delta = (int32_t)rng_below(r, 2),
                         .tiled = (int32_t)rng_below(r, 2),
                         .skips = (int32_t)rng_below(r, 2),
                         .workers = (int32_t)rng_between(r, 1, 4),
                         .where = (placement)rng_below(r, PLACEMENTS)};
    fill_sequences(r, kind);
    shorten_keys(&c);
    describe("recurrence scalar, %d of %d heads of %d and %d, delta %d, %s", size.H_k, size.H,
             size.d_k, size.d_v, c.delta, floats_name(kind));
    run(&c, VD_ISA_SCALAR, ALONE, r, expected);
    if (kind == ORDINARY) {
        check_definition(&c);
    }
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        division how = (division)rng_below(r, DIVISIONS);
        describe(
            "recurrence %s, %d of %d heads of %d and %d, delta %d, %d workers, division %d, %s",
            vd_isa_name(isa), size.H_k, size.H, size.d_k, size.d_v, c.delta, c.workers, how,
            floats_name(kind));
        run(&c, isa, how, r, actual);
        for (int s = 0; s < SEQUENCES; s++) {
            same_floats("z", expected[s], actual[s], POSITIONS * size.H * size.d_v);
        }
    }
}

static void rejects_invalid_ops(void) {
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.q = NULL);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.k = NULL);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.v = NULL);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.step = NULL);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.beta = NULL);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.a = NULL);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.z = NULL);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.states = NULL);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.H_k = 0);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.H_k = 3);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.H = 0);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.d_k = 0);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.d_v = 0);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.d_k = VD_HEAD_MAX + 1);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.d_v = VD_HEAD_MAX + 1);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.delta = 2);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.tiled = -1);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.stride = 2432);
    REJECTS(VD_OP_RECURRENCE, op.as.recurrence.stride = 4097);
    REJECTS(VD_OP_RECURRENCE, op.rows = VD_ROWS_LOGITS);
}

int main(void) {
    test_begin("recurrence");
    rejects_invalid_ops();
    static const sizes all[] = {{1, 1, 1, 1},   {1, 2, 3, 5},    {2, 2, 16, 16}, {2, 4, 7, 17},
                                {1, 3, 32, 33}, {2, 4, 24, 64},  {4, 4, 9, 31},  {1, 4, 16, 48},
                                {1, 1, 128, 1}, {1, 2, 40, 130}, {2, 2, 64, 96}};
    rng r = {61};
    int cases = (int)(sizeof all / sizeof *all) * (int)FLOATS_COUNT;
    for (int i = 0; i < cases; i += sweep_step()) {
        check_case(&r, all[i / (int)FLOATS_COUNT], (floats)(i % (int)FLOATS_COUNT));
    }
    return 0;
}

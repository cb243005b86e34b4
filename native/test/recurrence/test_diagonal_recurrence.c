// diagonal_recurrence and its gradient: every variant equals the scalar one, which is close to the
// definition in double; sequences divided into steps, alone or together, equal each in one step.
#include <math.h>
#include <string.h>

#include "backward/differences.h"
#include "core/plan_ops.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/tolerance.h"

enum { SEQUENCES = 3, POSITIONS = 40, GAP = 64 };

// The division of sequences into steps: whole and alone, by token, or into pieces.
typedef enum division { ALONE, TOKENS, PIECES, DIVISIONS } division;

typedef struct rows {
    float of[SEQUENCES][POSITIONS * LONGEST];
} rows;

typedef struct recurrence_case {
    int32_t d, ring, workers;
    placement where;
} recurrence_case;

static rows x, decay, gate, upstream, expected, actual;

// The lengths of sequences in a step that is differentiated, and their sum.
static const int32_t LENGTHS_OF[SEQUENCES] = {1, 5, 12};
enum { GRADIENT_ROWS = 18 };

static int64_t stride_of(const recurrence_case *c) {
    return ((int64_t)c->ring * c->d * 4 + 63) / 64 * 64 + GAP;
}

// Chooses the next step: `after` receives the number of tokens of each sequence after it.
static void next_step(rng *r, division how, const int32_t *before, int32_t *after) {
    int alone = 1;
    for (int s = 0; s < SEQUENCES; s++) {
        int32_t left = POSITIONS - before[s];
        int32_t n = how == ALONE ? alone * left : how == TOKENS ? 1 : (int32_t)rng_below(r, 12);
        after[s] = before[s] + (n < left ? n : left);
        alone = alone && left == 0;
    }
}

// Runs a step over the states of `all` and copies its rows to h.
static void run_step(const recurrence_case *c, vd_isa isa, batch *b, const vd_op *all,
                     const int32_t *before, const int32_t *after, rows *h) {
    size_t row = (size_t)c->d * sizeof(float);
    batch_clear(b);
    for (int s = 0; s < SEQUENCES; s++) {
        for (int32_t p = before[s]; p < after[s]; p++) {
            batch_add(b, s, p, 0, 0);
        }
    }
    size_t n = (size_t)b->view.n_tokens;
    if (n == 0) {
        return;
    }
    float *in[3];
    const rows *from[3] = {&x, &decay, &gate};
    for (int k = 0; k < 3; k++) {
        float *to = in[k] = guarded_alloc(n * row, c->where);
        for (int s = 0; s < SEQUENCES; s++) {
            int32_t count = after[s] - before[s];
            memcpy(to, from[k]->of[s] + before[s] * c->d, (size_t)count * row);
            to += count * c->d;
        }
    }
    vd_op op = *all;
    op.as.diagonal_recurrence.x = in[0];
    op.as.diagonal_recurrence.decay = in[1];
    op.as.diagonal_recurrence.gate = in[2];
    const float *out = op.as.diagonal_recurrence.h = guarded_alloc(n * row, c->where);
    run_ops(&op, 1, isa, c->workers, &b->view);
    for (int s = 0; s < SEQUENCES; s++) {
        int32_t count = after[s] - before[s];
        memcpy(h->of[s] + before[s] * c->d, out, (size_t)count * row);
        out += count * c->d;
    }
}

// Checks that the last states are where vd_diagonal_recurrence specifies, and that no other bytes
// were written.
static void check_states(const recurrence_case *c, const batch *b, const vd_op *op, const rows *h) {
    char unwritten[GAP];
    memset(unwritten, 0xff, GAP);
    const char *slots = (const char *)op->as.diagonal_recurrence.states;
    for (int s = 0; s < SEQUENCES; s++) {
        const char *slot = slots + b->slots[s] * stride_of(c);
        same_bytes("gap after a slot", unwritten, slot + stride_of(c) - GAP, GAP);
        for (int32_t p = POSITIONS - c->ring; p < POSITIONS; p++) {
            const float *state = (const float *)slot + p % c->ring * c->d;
            same_floats("state", h->of[s] + p * c->d, state, c->d);
        }
    }
}

// Runs all sequences with states of NaNs, which show if states are read that were not stored.
static void run(const recurrence_case *c, vd_isa isa, division how, rng *r, rows *h) {
    batch b;
    batch_begin(&b, r, SEQUENCES, 1);
    size_t bytes = (size_t)(SEQUENCES * stride_of(c));
    vd_op op = {
        .kind = VD_OP_DIAGONAL_RECURRENCE,
        .as.diagonal_recurrence = {.states = memset(guarded_alloc(bytes, c->where), 0xff, bytes),
                                   .stride = stride_of(c),
                                   .d = c->d,
                                   .ring = c->ring}};
    int32_t before[SEQUENCES] = {0}, after[SEQUENCES], left = SEQUENCES * POSITIONS;
    while (left > 0) {
        next_step(r, how, before, after);
        run_step(c, isa, &b, &op, before, after, h);
        for (int s = 0; s < SEQUENCES; s++) {
            left -= after[s] - before[s];
            before[s] = after[s];
        }
    }
    check_states(c, &b, &op, h);
    guarded_free_all();
}

// Compares states with the recurrence in double. The error of a state is that of the step before,
// times the decay, and that of a step: exp and three roundings.
static void check_definition(const recurrence_case *c) {
    for (int s = 0; s < SEQUENCES; s++) {
        for (int32_t k = 0; k < c->d; k++) {
            double h = (double)x.of[s][k], error = 0;
            near("h", k, h, error, expected.of[s][k]);
            for (int32_t p = 1; p < POSITIONS; p++) {
                int64_t i = (int64_t)p * c->d + k;
                double kept = exp((double)decay.of[s][i]);
                double added = (double)gate.of[s][i] * (double)x.of[s][i];
                error = kept * error * (1 + EXP_ERROR) +
                        fabs(kept * h) * (EXP_ERROR + roundings(1)) + fabs(added) * roundings(2) +
                        underflows(3) * (1 + fabs(h));
                h = kept * h + added;
                near("h", i, h, error * (1 + roundings(1)), expected.of[s][i]);
            }
        }
    }
}

// The gradients of a step of all sequences.
typedef struct gradients {
    const float *ddecay, *dgate, *dx;
} gradients;

// Differentiates a step that has the first tokens of each sequence: one, then more and more.
static gradients differentiate(const recurrence_case *c, vd_isa isa, rng *r) {
    size_t row = (size_t)c->d * sizeof(float);
    batch b;
    batch_begin(&b, r, SEQUENCES, 1);
    float *in[4];
    const rows *from[4] = {&x, &decay, &gate, &upstream};
    for (int k = 0; k < 4; k++) {
        in[k] = guarded_alloc(GRADIENT_ROWS * row, c->where);
    }
    int32_t n = 0;
    for (int s = 0; s < SEQUENCES; s++) {
        for (int32_t p = 0; p < LENGTHS_OF[s]; p++, n++) {
            batch_add(&b, s, p, 0, 0);
            for (int k = 0; k < 4; k++) {
                memcpy(in[k] + n * c->d, from[k]->of[s] + p * c->d, row);
            }
        }
    }
    float *ddecay = guarded_alloc(GRADIENT_ROWS * row, c->where);
    float *dgate = guarded_alloc(GRADIENT_ROWS * row, c->where);
    float *dx = guarded_alloc(GRADIENT_ROWS * row, c->where);
    vd_op op = {.kind = VD_OP_DIAGONAL_RECURRENCE_BACKWARD,
                .as.diagonal_recurrence_backward = {
                    .recurrence = {.x = in[0], .decay = in[1], .gate = in[2], .d = c->d},
                    .dh = in[3],
                    .ddecay = ddecay,
                    .dgate = dgate,
                    .dx = dx}};
    run_ops(&op, 1, isa, c->workers, &b.view);
    return (gradients){ddecay, dgate, dx};
}

// A column of a sequence. One element of its inputs changes.
typedef struct column {
    const recurrence_case *c;
    int s;
    int32_t k, p;
    int which;  // 0: x, 1: decay, 2: gate
    int absolute;
} column;

static double input(const column *of, int which, int32_t p, double changed) {
    const rows *inputs[3] = {&x, &decay, &gate};
    double value = (double)inputs[which]->of[of->s][p * of->c->d + of->k];
    value = of->absolute && which != 1 ? fabs(value) : value;
    return which == of->which && p == of->p ? changed : value;
}

// Returns the sum over positions of states times upstream gradients, in double.
static double weighted_states(const void *parameters, double changed) {
    const column *of = parameters;
    double h = 0, sum = 0;
    for (int32_t p = 0; p < LENGTHS_OF[of->s]; p++) {
        double added = input(of, 0, p, changed) * (p == 0 ? 1 : input(of, 2, p, changed));
        h = added + (p == 0 ? 0 : exp(input(of, 1, p, changed)) * h);
        double weight = (double)upstream.of[of->s][p * of->c->d + of->k];
        sum += h * (of->absolute ? fabs(weight) : weight);
    }
    return sum;
}

// Compares a gradient with differences. It is a sum of products. Their factors are all positive in
// the column of magnitudes, and each product has up to four roundings and an exp per position.
static void check_difference(const column *of, float found) {
    column bound = *of;
    bound.absolute = 1;
    const rows *inputs[3] = {&x, &decay, &gate};
    double at = (double)inputs[of->which]->of[of->s][of->p * of->c->d + of->k];
    double size = of->which == 1 ? at : fabs(at);
    int32_t n = LENGTHS_OF[of->s];
    double terms = fabs(derivative_at(weighted_states, &bound, size));
    double tolerance = terms * (roundings(4 * n) + n * EXP_ERROR) +
                       difference_error(1 + weighted_states(&bound, size));
    near("gradient", of->p, derivative_at(weighted_states, of, at), tolerance, found);
}

static void check_differences(const recurrence_case *c, const gradients *g) {
    const float *found[3] = {g->dx, g->ddecay, g->dgate};
    int32_t row = 0;
    for (int s = 0; s < SEQUENCES; s++) {
        for (int32_t p = 0; p < LENGTHS_OF[s]; p++, row++) {
            for (int32_t k = 0; k < c->d; k++) {
                for (int which = 0; which < 3; which++) {
                    column of = {.c = c, .s = s, .k = k, .p = p, .which = which};
                    check_difference(&of, found[which][row * c->d + k]);
                }
            }
        }
    }
}

static void check_gradients(rng *r, const recurrence_case *c, floats kind) {
    describe("diagonal_recurrence backward scalar, d %d, %s", c->d, floats_name(kind));
    gradients exact = differentiate(c, VD_ISA_SCALAR, r);
    if (kind == ORDINARY && c->d < 20) {
        check_differences(c, &exact);
    }
    for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        describe("diagonal_recurrence backward %s, d %d, %d workers, %s", vd_isa_name(isa), c->d,
                 c->workers, floats_name(kind));
        gradients found = differentiate(c, isa, r);
        same_floats("ddecay", exact.ddecay, found.ddecay, GRADIENT_ROWS * c->d);
        same_floats("dgate", exact.dgate, found.dgate, GRADIENT_ROWS * c->d);
        same_floats("dx", exact.dx, found.dx, GRADIENT_ROWS * c->d);
    }
    guarded_free_all();
}

static void check_case(rng *r, int32_t d, floats kind) {
    recurrence_case c = {.d = d,
                         .ring = (int32_t)rng_between(r, 2, 2 + VD_SPAN),
                         .workers = (int32_t)rng_between(r, 1, 4),
                         .where = (placement)rng_below(r, PLACEMENTS)};
    for (int s = 0; s < SEQUENCES; s++) {
        rng_fill(r, kind, x.of[s], POSITIONS * d);
        rng_fill(r, kind, gate.of[s], POSITIONS * d);
        rng_fill(r, kind, decay.of[s], POSITIONS * d);
        rng_fill(r, kind, upstream.of[s], POSITIONS * d);
        for (int32_t i = 0; i < POSITIONS * d; i++) {
            decay.of[s][i] = decay.of[s][i] > 0 ? -decay.of[s][i] : decay.of[s][i];
        }
    }
    describe("diagonal_recurrence scalar, d %d, ring %d, %s", d, c.ring, floats_name(kind));
    run(&c, VD_ISA_SCALAR, ALONE, r, &expected);
    if (kind == ORDINARY || kind == TINY) {
        check_definition(&c);
    }
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        division how = (division)rng_below(r, DIVISIONS);
        describe("diagonal_recurrence %s, d %d, ring %d, %d workers, division %d, %s",
                 vd_isa_name(isa), d, c.ring, c.workers, how, floats_name(kind));
        run(&c, isa, how, r, &actual);
        for (int s = 0; s < SEQUENCES; s++) {
            same_floats("h", expected.of[s], actual.of[s], POSITIONS * d);
        }
    }
    check_gradients(r, &c, kind);
}

static void rejects_invalid_ops(void) {
    REJECTS(VD_OP_DIAGONAL_RECURRENCE, op.as.diagonal_recurrence.x = NULL);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE, op.as.diagonal_recurrence.decay = NULL);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE, op.as.diagonal_recurrence.gate = NULL);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE, op.as.diagonal_recurrence.h = NULL);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE, op.as.diagonal_recurrence.states = NULL);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE, op.as.diagonal_recurrence.d = 0);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE, op.as.diagonal_recurrence.d = INT32_MAX);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE, op.as.diagonal_recurrence.ring = 1);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE,
            op.as.diagonal_recurrence.ring = op.as.diagonal_recurrence.d = INT32_MAX);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE, op.as.diagonal_recurrence.stride = 1088);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE, op.as.diagonal_recurrence.stride = 4097);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE, op.rows = VD_ROWS_LOGITS);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE_BACKWARD, op.as.diagonal_recurrence_backward.dh = NULL);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE_BACKWARD, op.as.diagonal_recurrence_backward.ddecay = NULL);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE_BACKWARD, op.as.diagonal_recurrence_backward.dgate = NULL);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE_BACKWARD, op.as.diagonal_recurrence_backward.dx = NULL);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE_BACKWARD,
            op.as.diagonal_recurrence_backward.recurrence.decay = NULL);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE_BACKWARD,
            op.as.diagonal_recurrence_backward.recurrence.d = -1);
    REJECTS(VD_OP_DIAGONAL_RECURRENCE_BACKWARD, op.rows = VD_ROWS_LOGITS);
    describe("vd_plan_create without slots");
    vd_limits none = plan_limits;
    none.slots = 0;
    vd_op op = valid_op(VD_OP_DIAGONAL_RECURRENCE);
    vd_plan *plan;
    CHECK(vd_plan_create(&op, 1, &none, VD_ISA_SCALAR, &plan, NULL) == VD_INVALID_ARGUMENT);
}

int main(void) {
    test_begin("diagonal_recurrence");
    rejects_invalid_ops();
    rng r = {52};
    for (int i = 0; i < LENGTHS; i += sweep_step()) {
        for (floats kind = 0; kind < FLOATS_COUNT; kind++) {
            check_case(&r, length_at(i), kind);
        }
    }
    return 0;
}

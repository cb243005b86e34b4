// norm backward: every variant equals the scalar one, which is close to differences.
#include <math.h>

#include "backward/backward.h"
#include "differences.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/tolerance.h"

enum { ROWS = 3 };

typedef struct norm_case {
    int32_t kind, heads, d, per_head, gain, frozen, in_place;
    vd_range range;  // of the heads of all rows
} norm_case;

static float x[ROWS * LONGEST], dy[ROWS * LONGEST], gain[LONGEST];

static vd_norm_backward run(vd_isa isa, const norm_case *c, placement where) {
    size_t row = (size_t)c->heads * c->d * sizeof(float);
    size_t affine = c->per_head ? row : (size_t)c->d * sizeof(float);
    float *gradient = guarded_copy(dy, ROWS * row, where);
    vd_norm_backward op = {
        .x = guarded_copy(x, ROWS * row, where),
        .gain = c->gain ? guarded_copy(gain, affine, where) : NULL,
        .dy = gradient,
        .dx = c->in_place ? gradient : guarded_alloc(ROWS * row, where),
        .kind = c->kind,
        .heads = c->heads,
        .d = c->d,
        .per_head = c->per_head,
        .epsilon = 1e-5f,
        .frozen = c->frozen,
    };
    vd_backward[isa]->norm(&op, c->range);
    return op;
}

static void check_untouched(const float *dx, const norm_case *c) {
    int64_t before = c->range.begin * c->d, after = c->range.end * c->d;
    int64_t all = (int64_t)ROWS * c->heads * c->d;
    if (c->in_place) {
        same_floats("dx before the range", dy, dx, before);
        same_floats("dx after the range", dy + after, dx + after, all - after);
    } else {
        untouched("dx before the range", dx, before * 4);
        untouched("dx after the range", dx + after, (all - after) * 4);
    }
}

// The parameters of dy . norm(x) of a head as a function of its element i.
typedef struct head_function {
    const norm_case *c;
    int64_t head;
    int32_t i;
    double divisor;  // the constant divisor, or 0 if it depends on x
} head_function;

static double element(const head_function *f, int32_t k, double value) {
    return k == f->i ? value : (double)x[f->head * f->c->d + k];
}

static double mean_of(const head_function *f, double value) {
    double sum = 0;
    for (int32_t k = 0; f->c->kind == VD_NORM_LAYER && k < f->c->d; k++) {
        sum += element(f, k, value);
    }
    return sum / f->c->d;
}

static double divisor_of(const head_function *f, double value) {
    double mean = mean_of(f, value), squares = 0;
    for (int32_t k = 0; k < f->c->d; k++) {
        double c = element(f, k, value) - mean;
        squares += c * c;
    }
    return sqrt(squares / f->c->d + (double)1e-5f);
}

static double gradient_of(const head_function *f, int32_t k) {
    const norm_case *c = f->c;
    int64_t first = c->per_head ? f->head % c->heads * c->d : 0;
    return (double)dy[f->head * c->d + k] * (c->gain ? (double)gain[first + k] : 1);
}

static double head_value(const void *parameters, double value) {
    const head_function *f = parameters;
    double mean = mean_of(f, value), sum = 0;
    double divisor = f->divisor > 0 ? f->divisor : divisor_of(f, value);
    for (int32_t k = 0; k < f->c->d; k++) {
        sum += gradient_of(f, k) * (element(f, k, value) - mean) / divisor;
    }
    return sum;
}

// Checks a head. Sums of d terms g and g * normalized have a rounding per term, relative to their
// magnitudes, and so have the statistics; subtracting the mean cancels at most the magnitude of x.
static void check_head(const norm_case *c, int64_t head, const float *dx) {
    head_function f = {.c = c, .head = head, .i = -1};
    double divisor = divisor_of(&f, 0), magnitude = 0, largest = 1;
    for (int32_t k = 0; k < c->d; k++) {
        largest = fmax(largest, (fabs((double)x[head * c->d + k]) + 4) / divisor);
        double g = fabs(gradient_of(&f, k));
        magnitude = g > magnitude ? g : magnitude;  // GCC 12 fails on fmax here (AArch64)
    }
    double size = magnitude / divisor * (1 + largest * largest);
    double tolerance = roundings(3 * lane_sum_depth(c->d) + 20) * size;
    tolerance += difference_error(c->d * magnitude * largest);
    for (int32_t i = 0; i < c->d; i++) {
        f.i = i;
        f.divisor = c->frozen ? divisor : 0;
        double v = (double)x[head * c->d + i];
        near("dx", head * c->d + i, derivative_at(head_value, &f, v), tolerance,
             dx[head * c->d + i]);
    }
}

static void check_case(const norm_case *c, floats kind) {
    for (placement where = 0; where < PLACEMENTS; where++) {
        describe("norm backward scalar, kind %d, heads %d, d %d, gain %d, per head %d, frozen %d",
                 c->kind, c->heads, c->d, c->gain, c->per_head, c->frozen);
        vd_norm_backward expected = run(VD_ISA_SCALAR, c, where);
        check_untouched(expected.dx, c);
        int small = kind == ORDINARY && where == AT_END && c->d >= 4 && c->d <= 130;
        for (int64_t head = c->range.begin; small && head < c->range.end; head++) {
            check_head(c, head, expected.dx);
        }
        for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            describe("norm backward %s, kind %d, heads %d, d %d, gain %d, per head %d, frozen %d",
                     vd_isa_name(isa), c->kind, c->heads, c->d, c->gain, c->per_head, c->frozen);
            vd_norm_backward actual = run(isa, c, where);
            same_floats("dx", expected.dx, actual.dx, (int64_t)ROWS * c->heads * c->d);
        }
        guarded_free_all();
    }
}

// Checks that results do not depend on the number of workers.
static void divides_heads_among_workers(rng *r) {
    enum { HEADS = 3, D = 21, ALL = ROWS * HEADS };
    rng_fill(r, ORDINARY, x, ALL * D);
    rng_fill(r, ORDINARY, dy, ALL * D);
    norm_case c = {.kind = VD_NORM_LAYER, .heads = HEADS, .d = D, .range = {0, ALL}};
    vd_op op = {.kind = VD_OP_NORM_BACKWARD, .as.norm_backward = run(VD_ISA_SCALAR, &c, AT_END)};
    const float *expected = op.as.norm_backward.dx;
    for (int32_t workers = 1; workers <= 4; workers++) {
        describe("norm backward by %d workers", workers);
        op.as.norm_backward.dx = guarded_alloc(ALL * D * sizeof(float), AT_END);
        run_rows(&op, VD_ISA_SCALAR, workers, ROWS);
        same_floats("dx", expected, op.as.norm_backward.dx, ALL * D);
    }
    guarded_free_all();
}

int main(void) {
    test_begin("norm_backward");
    rng r = {32};
    divides_heads_among_workers(&r);
    for (int i = 0; i < LENGTHS; i += sweep_step()) {
        int32_t width = length_at(i);
        for (floats kind = 0; kind < FLOATS_COUNT; kind++) {
            rng_fill(&r, kind, x, (int64_t)ROWS * width);
            rng_fill(&r, kind, dy, (int64_t)ROWS * width);
            rng_fill(&r, kind == SPECIAL ? SPECIAL : ORDINARY, gain, width);
            for (int which = 0; which < 8; which++) {
                int32_t heads = which >> 2 ? (int32_t)rng_between(&r, 1, width < 5 ? width : 5) : 1;
                int64_t begin = rng_below(&r, (int64_t)ROWS * heads);
                norm_case c = {.kind = which & 1 ? VD_NORM_LAYER : VD_NORM_RMS,
                               .heads = heads,
                               .d = width / heads,
                               .per_head = which >> 2 & (int)rng_below(&r, 2),
                               .gain = which >> 1 & 1,
                               .frozen = (int32_t)rng_below(&r, 2),
                               .in_place = (int32_t)rng_below(&r, 2),
                               .range = {begin, rng_between(&r, begin, (int64_t)ROWS * heads)}};
                check_case(&c, kind);
            }
        }
    }
    return 0;
}

// activation backward: every variant equals the scalar one, which is close to differences.
#include <math.h>

#include "activation/functions.h"
#include "backward/differences.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"

enum { KINDS = VD_ACTIVATION_COUNT };

typedef struct activation_case {
    int32_t kind, slope, width, gated, in_place;
    vd_range range;
} activation_case;

static float x[LONGEST], up[LONGEST], dy[LONGEST];

static const float *run(vd_isa isa, const activation_case *c, placement where) {
    size_t bytes = (size_t)c->width * sizeof(float);
    float *gradient = guarded_copy(dy, bytes, where);
    vd_activation_backward op = {
        .x = guarded_copy(x, bytes, where),
        .up = c->gated ? guarded_copy(up, bytes, where) : NULL,
        .dy = gradient,
        .dx = c->in_place ? gradient : guarded_alloc(bytes, where),
        .kind = c->kind,
        .slope = c->slope,
        .width = c->width,
    };
    vd_activation_backward_kernels[isa](&op, c->range);
    return op.dx;
}

static void check_untouched(const float *dx, const activation_case *c) {
    int64_t begin = c->range.begin, end = c->range.end;
    if (c->in_place) {
        same_floats("dx before the range", dy, dx, begin);
        same_floats("dx after the range", dy + end, dx + end, c->width - end);
    } else {
        untouched("dx before the range", dx, begin * 4);
        untouched("dx after the range", dx + end, (c->width - end) * 4);
    }
}

static double exact_at(const void *f, double v) { return ((const function *)f)->exact(v); }

// Checks an element. In x * s(x), the relative error of s grows with the exponent of its
// exponential, which is at most |x|^3, and derivatives are sums of a few terms of magnitude 1 +
// |x|^3.
static void check_element(const activation_case *c, int64_t i, float actual) {
    double v = (double)x[i], factor = (double)dy[i] * (c->gated ? (double)up[i] : 1);
    const function *f = &functions[c->kind];
    if (fabs(fabs(v) - f->kink) < f->radius) {
        return;
    }
    double exact = c->slope == VD_SLOPE_SECANT ? (f->exact(v) - f->exact(0)) / v
                                               : derivative_at(exact_at, f, v);
    double size = 1 + fabs(v) * v * v;
    double tolerance = (roundings(12) + EXP_ERROR + GELU_ERROR) * size + difference_error(size);
    near("dx", i, exact * factor, fabs(factor) * tolerance, actual);
}

static void check_case(const activation_case *c, floats kind) {
    for (placement where = 0; where < PLACEMENTS; where++) {
        describe("activation backward scalar, kind %d, slope %d, width %d", c->kind, c->slope,
                 c->width);
        const float *expected = run(VD_ISA_SCALAR, c, where);
        check_untouched(expected, c);
        for (int64_t i = c->range.begin; kind == ORDINARY && i < c->range.end; i++) {
            check_element(c, i, expected[i]);
        }
        for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            describe("activation backward %s, kind %d, slope %d, width %d, %s", vd_isa_name(isa),
                     c->kind, c->slope, c->width, floats_name(kind));
            same_floats("dx", expected, run(isa, c, where), c->width);
        }
        guarded_free_all();
    }
}

// Checks that results do not depend on the number of workers.
static void divides_rows_among_workers(rng *r) {
    enum { ROWS = 5, WIDTH = 13 };
    rng_fill(r, ORDINARY, x, ROWS * WIDTH);
    rng_fill(r, ORDINARY, dy, ROWS * WIDTH);
    activation_case c = {.width = ROWS * WIDTH, .range = {0, ROWS * WIDTH}};
    const float *expected = run(VD_ISA_SCALAR, &c, AT_END);
    for (int32_t workers = 1; workers <= 4; workers++) {
        describe("activation backward by %d workers", workers);
        vd_op op = {.kind = VD_OP_ACTIVATION_BACKWARD,
                    .as.activation_backward = {
                        .x = x, .dy = dy, .dx = guarded_alloc(sizeof x, AT_END), .width = WIDTH}};
        run_rows(&op, VD_ISA_SCALAR, workers, ROWS);
        same_floats("dx", expected, op.as.activation_backward.dx, ROWS * WIDTH);
    }
    guarded_free_all();
}

int main(void) {
    test_begin("activation_backward");
    rng r = {31};
    divides_rows_among_workers(&r);
    for (int i = 0; i < LENGTHS; i += sweep_step()) {
        for (floats kind = 0; kind < FLOATS_COUNT; kind++) {
            int32_t width = length_at(i);
            rng_fill(&r, kind, x, width);
            for (int32_t j = 0; j < width; j += 3) {
                x[j] *= 4;  // beyond the clamps of some activations
            }
            rng_fill(&r, kind, up, width);
            rng_fill(&r, kind, dy, width);
            for (int32_t which = 0; which < 2 * KINDS; which++) {
                int64_t begin = rng_below(&r, width);
                activation_case c = {.kind = which / 2,
                                     .slope = which % 2,
                                     .width = width,
                                     .gated = (int32_t)rng_below(&r, 2),
                                     .in_place = (int32_t)rng_below(&r, 2),
                                     .range = {begin, rng_between(&r, begin, width)}};
                check_case(&c, kind);
            }
        }
    }
    return 0;
}

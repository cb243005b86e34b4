// activation backward: every variant equals the scalar one, which is close to differences.
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

enum { KINDS = VD_ACTIVATION_SOFTPLUS + 1 };

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
    vd_backward[isa]->activation(&op, c->range);
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

static double activate(const void *kind, double v) {
    switch (*(const int32_t *)kind) {
        case VD_ACTIVATION_SILU:
            return v / (1 + exp(-v));
        case VD_ACTIVATION_GELU_TANH:
            return v / 2 * (1 + tanh(sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
        case VD_ACTIVATION_GELU:
            return v / 2 * erfc(-v * M_SQRT1_2);
        case VD_ACTIVATION_TANH:
            return tanh(v);
        case VD_ACTIVATION_SQUARED_RELU:
            return fmax(v, 0) * fmax(v, 0);
        case VD_ACTIVATION_ELU:
            return v > 0 ? v : expm1(v);
        case VD_ACTIVATION_HARD_TANH:
            return fmax(-1, fmin(v, 1));
        case VD_ACTIVATION_CLAMPED_SWISH:
            return fmin(v, 7) / (1 + exp(-1.702 * fmin(v, 7)));
        case VD_ACTIVATION_CLAMPED_LINEAR:
            return 1 + fmax(fmin(v, 7), -7);
        case VD_ACTIVATION_IDENTITY:
            return v;
        case VD_ACTIVATION_SIGMOID:
            return 1 / (1 + exp(-v));
        case VD_ACTIVATION_SOFTPLUS:
            return fmax(v, 0) + log1p(exp(-fabs(v)));
        default:
            return fmax(v, 0);
    }
}

// Returns 1 if the function or its derivative is not differentiable near v.
static int has_kink(int32_t kind, double v) {
    switch (kind) {
        case VD_ACTIVATION_RELU:
        case VD_ACTIVATION_SQUARED_RELU:
        case VD_ACTIVATION_ELU:
            return fabs(v) < 0.01;
        case VD_ACTIVATION_HARD_TANH:
            return fabs(fabs(v) - 1) < 0.01;
        case VD_ACTIVATION_CLAMPED_SWISH:
        case VD_ACTIVATION_CLAMPED_LINEAR:
            return fabs(fabs(v) - 7) < 0.01;
        default:
            return 0;
    }
}

// Checks an element. In x * s(x), the relative error of s grows with the exponent of its
// exponential, which is at most |x|^3, and derivatives are sums of a few terms of magnitude 1 +
// |x|^3.
static void check_element(const activation_case *c, int64_t i, float actual) {
    double v = (double)x[i], factor = (double)dy[i] * (c->gated ? (double)up[i] : 1);
    if (has_kink(c->kind, v)) {
        return;  // differences do not apply
    }
    double origin = activate(&c->kind, 0);
    double exact = c->slope == VD_SLOPE_SECANT ? (activate(&c->kind, v) - origin) / v
                                               : derivative_at(activate, &c->kind, v);
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

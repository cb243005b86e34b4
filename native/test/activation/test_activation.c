// activation: every variant equals the scalar one, which is close to docs/numerics.md in double.
#include "activation/activation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "activation/functions.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/lengths.h"
#include "support/rng.h"
#include "types/types.h"

typedef enum target { SEPARATE, OVER_X, OVER_UP, TARGETS } target;

typedef struct activation_case {
    int32_t kind, width, gated;
    target y;
    vd_range range;
} activation_case;

enum { KINDS = VD_ACTIVATION_COUNT, BATCH = 1024 };

static float x[LONGEST], up[LONGEST];

static const float *run(vd_isa isa, const activation_case *c, placement where) {
    size_t bytes = (size_t)c->width * sizeof(float);
    float *copy = guarded_copy(x, bytes, where);
    float *up_copy = c->gated ? guarded_copy(up, bytes, where) : NULL;
    vd_activation op = {
        .x = copy,
        .up = up_copy,
        .y = c->y == OVER_X    ? copy
             : c->y == OVER_UP ? up_copy
                               : guarded_alloc(bytes, where),
        .kind = c->kind,
        .width = c->width,
    };
    vd_activation_kernels[isa](&op, c->range);
    return op.y;
}

static void check_untouched(const float *y, const activation_case *c) {
    int64_t begin = c->range.begin, end = c->range.end;
    if (c->y == SEPARATE) {
        untouched("y before the range", y, begin * 4);
        untouched("y after the range", y + end, (c->width - end) * 4);
    } else {
        const float *before = c->y == OVER_X ? x : up;
        same_floats("y before the range", before, y, begin);
        same_floats("y after the range", before + end, y + end, c->width - end);
    }
}

// Checks an element. Gating rounds once more.
static void check_element(const activation_case *c, int64_t i, float y) {
    const function *f = &functions[c->kind];
    double v = (double)x[i];
    double factor = c->gated ? (double)up[i] : 1;
    double exact = f->exact(v);
    error bound = f->error(v);
    double tolerance = fabs(factor) * (fabs(exact) * bound.relative + bound.absolute);
    if (c->gated) {
        tolerance += fabs(exact * factor) * roundings(1) + underflows(1);
    }
    near("y", i, exact * factor, tolerance, y);
}

static void check_case(const activation_case *c, floats kind) {
    static float expected[LONGEST];
    int comparable = (kind == ORDINARY || kind == WIDE || kind == TINY) && c->y == SEPARATE;
    for (placement where = 0; where < PLACEMENTS; where++) {
        describe("activation scalar, kind %d, width %d, gated %d, target %d, %s", c->kind, c->width,
                 c->gated, c->y, floats_name(kind));
        const float *y = run(VD_ISA_SCALAR, c, where);
        if (where == 0) {
            check_untouched(y, c);
            for (int64_t i = c->range.begin; comparable && i < c->range.end; i++) {
                check_element(c, i, y[i]);
            }
            memcpy(expected, y, (size_t)c->width * sizeof *y);
        }
        same_floats("y", expected, y, c->width);
        for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            describe("activation %s, kind %d, width %d, gated %d, target %d, range [%lld,%lld), %s",
                     vd_isa_name(isa), c->kind, c->width, c->gated, c->y, (long long)c->range.begin,
                     (long long)c->range.end, floats_name(kind));
            same_floats("y", expected, run(isa, c, where), c->width);
        }
        guarded_free_all();
    }
}

// Checks all kinds, gated and not, on all targets, for whole rows and a range of them.
static void check_length(rng *r, int32_t width, floats kind) {
    rng_fill(r, kind, x, width);
    rng_fill(r, kind, up, width);
    for (int32_t which = 0; which < 2 * KINDS; which++) {
        activation_case c = {.kind = which % KINDS, .width = width, .gated = which / KINDS};
        for (c.y = SEPARATE; c.y < (c.gated ? TARGETS : OVER_UP); c.y++) {
            c.range = (vd_range){0, width};
            check_case(&c, kind);
            c.range.begin = rng_below(r, width);
            c.range.end = rng_between(r, c.range.begin, width);
            check_case(&c, kind);
        }
    }
}

// Returns the distance of the floats to compare: 1 for all; else more where the functions are close
// to linear or constant, that is below 2^-32 and from 2^8 on.
static int64_t step_at(int64_t bits) {
    int is_curved = bits >= 0x2f800000 && bits < 0x43800000;
    return whole_sweeps() ? 1 : short_sweeps() ? 10007 : is_curved ? 61 : 1021;
}

// Compares some floats of both signs, or every one, with the function in double.
static void stays_within_ulps(int32_t kind) {
    const function *f = &functions[kind];
    describe("%s", f->name);
    double worst = 0, at = 0;
    float v[BATCH], y[BATCH];
    vd_activation op = {.x = v, .y = y, .kind = kind, .width = BATCH};
    for (int64_t first = 0, step; first < 0x7f800000; first += step * BATCH / 2) {
        step = step_at(first);
        for (int64_t i = 0; i < BATCH; i++) {
            int64_t bits = first + i / 2 * step;
            v[i] = vd_bits_to_float((uint32_t)(bits < 0x7f800000 ? bits : 0) | (uint32_t)i << 31);
        }
        vd_activation_scalar(&op, (vd_range){0, BATCH});
        for (int64_t i = 0; i < BATCH; i++) {
            double exact = f->exact((double)v[i]);
            double distance = fabs((double)y[i] - exact) / unit_in_last_place(fabs(exact));
            if (!(distance <= f->ulps)) {
                fail("%s(%a): expected about %a, got %a", f->name, (double)v[i], exact,
                     (double)y[i]);
            }
            at = distance > worst ? (double)v[i] : at;
            worst = fmax(worst, distance);
        }
    }
    printf("%s: at most %.4f units in the last place, at %a\n", f->name, worst, at);
}

static void handles_infinities_and_nan(void) {
    describe("sigmoid and softplus of infinities and NaN");
    float v[] = {INFINITY, -INFINITY, NAN}, y[3];
    vd_activation op = {.x = v, .y = y, .kind = VD_ACTIVATION_SIGMOID, .width = 3};
    vd_activation_scalar(&op, (vd_range){0, 3});
    CHECK(y[0] == 1 && y[1] == 0 && isnan(y[2]));
    op.kind = VD_ACTIVATION_SOFTPLUS;
    vd_activation_scalar(&op, (vd_range){0, 3});
    CHECK(y[0] == INFINITY && y[1] == 0 && isnan(y[2]));
}

int main(void) {
    test_begin("activation");
    CHECK(VD_GELU_CUBIC == (float)0.044715);
    CHECK(VD_GELU_MINUS_2_SQRT_2_OVER_PI == (float)(-2 * sqrt(2 / M_PI)));
    for (int32_t kind = 0; kind < KINDS; kind++) {
        if (functions[kind].ulps > 0) {
            stays_within_ulps(kind);
        }
    }
    handles_infinities_and_nan();
    rng r = {4};
    for (int i = 0; i < LENGTHS; i += sweep_step()) {
        for (floats kind = 0; kind < FLOATS_COUNT; kind++) {
            check_length(&r, length_at(i), kind);
        }
    }
    return 0;
}

// norm: every variant against the scalar one, and that against docs/numerics.md in double.
#include "norm/norm.h"

#include <math.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/lengths.h"
#include "support/rng.h"
#include "support/tolerance.h"

enum { ROWS = 5 };

typedef struct norm_case {
    vd_norm_kind kind;
    int32_t d;
    vd_range rows;
    int gain;  // given
    int bias;
    int scale;
    int in_place;
} norm_case;

static float x[ROWS * LONGEST], gain[LONGEST], bias[LONGEST];

static vd_norm run(vd_isa isa, const norm_case *c, placement where) {
    size_t row = (size_t)c->d * sizeof(float);
    float *copy = guarded_copy(x, ROWS * row, where);
    vd_norm op = {
        .x = copy,
        .gain = c->gain ? guarded_copy(gain, row, where) : NULL,
        .bias = c->bias ? guarded_copy(bias, row, where) : NULL,
        .y = c->in_place ? copy : guarded_alloc(ROWS * row, where),
        .scale = c->scale ? guarded_alloc(ROWS * sizeof(float), where) : NULL,
        .kind = c->kind,
        .d = c->d,
        .epsilon = 1e-5f,
    };
    vd_norm_kernels[isa](&op, c->rows);
    return op;
}

static void check_untouched(const vd_norm *op, const norm_case *c) {
    int64_t before = c->rows.begin * c->d, after = c->rows.end * c->d, all = (int64_t)ROWS * c->d;
    if (c->in_place) {
        same_floats("y before the range", x, op->y, before);
        same_floats("y after the range", x + after, op->y + after, all - after);
    } else {
        untouched("y before the range", op->y, before * 4);
        untouched("y after the range", op->y + after, (all - after) * 4);
    }
    if (c->scale) {
        untouched("scale before the range", op->scale, c->rows.begin * 4);
        untouched("scale after the range", op->scale + c->rows.end, (ROWS - c->rows.end) * 4);
    }
}

static void check_variants(const norm_case *c, floats kind) {
    for (placement where = 0; where < PLACEMENTS; where++) {
        vd_norm expected = run(VD_ISA_SCALAR, c, where);
        check_untouched(&expected, c);
        for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            describe("norm %s, kind %d, d %d, rows [%lld,%lld), %s, gain %d, bias %d, in place %d",
                     vd_isa_name(isa), c->kind, c->d, (long long)c->rows.begin,
                     (long long)c->rows.end, floats_name(kind), c->gain, c->bias, c->in_place);
            vd_norm actual = run(isa, c, where);
            same_floats("y", expected.y, actual.y, ROWS * c->d);
            if (c->scale) {
                same_floats("scale", expected.scale, actual.scale, ROWS);
            }
        }
        guarded_free_all();
    }
}

// One row in double. Every sum is a lane sum of d terms; where the mean is off by `shift`, sigma is
// off by no more than shift^2, since the deviations from the mean add up to zero.
static void check_row(const vd_norm *op, int64_t row) {
    const float *r = x + row * op->d;
    double mean = 0, magnitude = 0, square = 0;
    for (int32_t i = 0; i < op->d; i++) {
        mean += (double)r[i];
        magnitude += fabs((double)r[i]);
    }
    int layer = op->kind == VD_NORM_LAYER;
    mean = layer ? mean / op->d : 0;
    for (int32_t i = 0; i < op->d; i++) {
        double c = (double)r[i] - mean;
        square += c * c;
    }
    double variance = square / op->d + (double)op->epsilon;
    double scale = sqrt(variance);
    double shift = layer ? roundings(lane_sum_depth(op->d) + 1) * magnitude / op->d : 0;
    double error = roundings(lane_sum_depth(op->d) + 5) + shift * shift / variance;
    near("scale", row, scale, error * scale, op->scale[row]);
    for (int32_t i = 0; i < op->d; i++) {
        double g = op->gain == NULL ? 1 : (double)op->gain[i];
        double b = op->bias == NULL ? 0 : (double)op->bias[i];
        double scaled = ((double)r[i] - mean) / scale * g;
        double tolerance = fabs(g) * shift / scale + (error + roundings(5)) * fabs(scaled) +
                           roundings(1) * fabs(b);
        near("y", row * op->d + i, scaled + b, tolerance, op->y[row * op->d + i]);
    }
}

static void check_definition(norm_case c) {
    c.scale = 1;
    c.in_place = 0;
    describe("norm scalar against double, kind %d, d %d, gain %d, bias %d", c.kind, c.d, c.gain,
             c.bias);
    vd_norm op = run(VD_ISA_SCALAR, &c, AT_END);
    for (int64_t row = c.rows.begin; row < c.rows.end; row++) {
        check_row(&op, row);
    }
    guarded_free_all();
}

static void check_length(rng *r, int32_t d, floats kind) {
    rng_fill(r, kind, x, ROWS * d);
    rng_fill(r, kind == NASTY ? NASTY : ORDINARY, gain, d);
    rng_fill(r, kind == NASTY ? NASTY : ORDINARY, bias, d);
    for (int which = 0; which < 8; which++) {
        int64_t begin = rng_below(r, ROWS);
        norm_case c = {
            .kind = which & 1 ? VD_NORM_LAYER : VD_NORM_RMS,
            .d = d,
            .rows = {begin, rng_between(r, begin, ROWS)},
            .gain = which >> 1 & 1,
            .bias = which >> 2 & 1,
            .scale = (int)rng_below(r, 2),
            .in_place = (int)rng_below(r, 2),
        };
        check_variants(&c, kind);
        if (kind == ORDINARY) {
            check_definition(c);
        }
    }
}

int main(void) {
    test_begin("norm");
    rng r = {1};
    for (int i = 0; i < LENGTHS; i += sweep_step()) {
        for (floats kind = 0; kind < FLOATS_COUNT; kind++) {
            check_length(&r, length_at(i), kind);
        }
    }
    return 0;
}

// norm: every variant equals the scalar one, which is close to docs/numerics.md in double.
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
    int32_t heads;
    int32_t d;
    int per_head;
    vd_range range;  // of the heads of all rows
    int gain;        // 1 if it has one; also bias and scale
    int bias;
    int scale;
    int in_place;
} norm_case;

// Rows of LONGEST elements at most, which heads divide.
static float x[ROWS * LONGEST], gain[LONGEST], bias[LONGEST];

static vd_norm run(vd_isa isa, const norm_case *c, placement where) {
    size_t row = (size_t)c->heads * c->d * sizeof(float);
    size_t affine = c->per_head ? row : (size_t)c->d * sizeof(float);
    float *copy = guarded_copy(x, ROWS * row, where);
    vd_norm op = {
        .x = copy,
        .gain = c->gain ? guarded_copy(gain, affine, where) : NULL,
        .bias = c->bias ? guarded_copy(bias, affine, where) : NULL,
        .y = c->in_place ? copy : guarded_alloc(ROWS * row, where),
        .scale = c->scale ? guarded_alloc((size_t)ROWS * c->heads * sizeof(float), where) : NULL,
        .kind = c->kind,
        .heads = c->heads,
        .d = c->d,
        .per_head = c->per_head,
        .epsilon = 1e-5f,
    };
    vd_norm_kernels[isa](&op, c->range);
    return op;
}

static void check_untouched(const vd_norm *op, const norm_case *c) {
    int64_t heads = (int64_t)ROWS * c->heads, all = heads * c->d;
    int64_t before = c->range.begin * c->d, after = c->range.end * c->d;
    if (c->in_place) {
        same_floats("y before the range", x, op->y, before);
        same_floats("y after the range", x + after, op->y + after, all - after);
    } else {
        untouched("y before the range", op->y, before * 4);
        untouched("y after the range", op->y + after, (all - after) * 4);
    }
    if (c->scale) {
        untouched("scale before the range", op->scale, c->range.begin * 4);
        untouched("scale after the range", op->scale + c->range.end, (heads - c->range.end) * 4);
    }
}

static void check_variants(const norm_case *c, floats kind) {
    for (placement where = 0; where < PLACEMENTS; where++) {
        vd_norm expected = run(VD_ISA_SCALAR, c, where);
        check_untouched(&expected, c);
        for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            describe(
                "norm %s, kind %d, heads %d, d %d, range [%lld,%lld), %s, gain %d, bias %d, "
                "per head %d, in place %d",
                vd_isa_name(isa), c->kind, c->heads, c->d, (long long)c->range.begin,
                (long long)c->range.end, floats_name(kind), c->gain, c->bias, c->per_head,
                c->in_place);
            vd_norm actual = run(isa, c, where);
            same_floats("y", expected.y, actual.y, (int64_t)ROWS * c->heads * c->d);
            if (c->scale) {
                same_floats("scale", expected.scale, actual.scale, (int64_t)ROWS * c->heads);
            }
        }
        guarded_free_all();
    }
}

// Checks a head against double. Every sum is a lane sum of d terms. An error `shift` of the mean
// causes an error of the variance of at most shift^2, since deviations from the mean add up to
// zero.
static void check_head(const vd_norm *op, int64_t head) {
    const float *r = x + head * op->d;
    int64_t first = op->per_head ? head % op->heads * op->d : 0;
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
    near("scale", head, scale, error * scale, op->scale[head]);
    for (int32_t i = 0; i < op->d; i++) {
        double g = op->gain == NULL ? 1 : (double)op->gain[first + i];
        double b = op->bias == NULL ? 0 : (double)op->bias[first + i];
        double scaled = ((double)r[i] - mean) / scale * g;
        double tolerance = fabs(g) * shift / scale + (error + roundings(5)) * fabs(scaled) +
                           roundings(1) * fabs(b);
        near("y", head * op->d + i, scaled + b, tolerance, op->y[head * op->d + i]);
    }
}

static void check_definition(norm_case c) {
    c.scale = 1;
    c.in_place = 0;
    describe("norm scalar against double, kind %d, heads %d, d %d, gain %d, bias %d, per head %d",
             c.kind, c.heads, c.d, c.gain, c.bias, c.per_head);
    vd_norm op = run(VD_ISA_SCALAR, &c, AT_END);
    for (int64_t head = c.range.begin; head < c.range.end; head++) {
        check_head(&op, head);
    }
    guarded_free_all();
}

static void check_length(rng *r, int32_t width, floats kind) {
    rng_fill(r, kind, x, (int64_t)ROWS * width);
    rng_fill(r, kind == SPECIAL ? SPECIAL : ORDINARY, gain, width);
    rng_fill(r, kind == SPECIAL ? SPECIAL : ORDINARY, bias, width);
    for (int which = 0; which < 16; which++) {
        int32_t heads = which >> 3 ? (int32_t)rng_between(r, 1, width < 5 ? width : 5) : 1;
        int64_t begin = rng_below(r, (int64_t)ROWS * heads);
        norm_case c = {
            .kind = which & 1 ? VD_NORM_LAYER : VD_NORM_RMS,
            .heads = heads,
            .d = width / heads,
            .per_head = which >> 3 & (int)rng_below(r, 2),
            .range = {begin, rng_between(r, begin, (int64_t)ROWS * heads)},
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

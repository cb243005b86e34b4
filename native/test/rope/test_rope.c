// rope: every variant equals the scalar one, which is close to docs/numerics.md in double.
#include "rope/rope.h"

#include <math.h>
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/rng.h"
#include "support/tolerance.h"

enum { ROWS = 4, HEADS_MAX = 3, D_H_MAX = 130, POSITIONS = 6 };

typedef struct rope_case {
    int32_t heads, d_h, d_rot, pairs, in_place;
    vd_range range;
} rope_case;

static float x[ROWS * HEADS_MAX * D_H_MAX];
static float cosines[POSITIONS * D_H_MAX / 2], sines[POSITIONS * D_H_MAX / 2];
static const int32_t positions[ROWS] = {POSITIONS - 1, 0, 3, 3};

static const float *run(vd_isa isa, const rope_case *c, placement where) {
    size_t bytes = (size_t)(ROWS * c->heads * c->d_h) * sizeof(float);
    size_t angles = (size_t)(POSITIONS * c->d_rot / 2) * sizeof(float);
    float *copy = guarded_copy(x, bytes, where);
    vd_rope op = {
        .x = copy,
        .cos = guarded_copy(cosines, angles, where),
        .sin = guarded_copy(sines, angles, where),
        .y = c->in_place ? copy : guarded_alloc(bytes, where),
        .heads = c->heads,
        .d_h = c->d_h,
        .d_rot = c->d_rot,
        .pairs = c->pairs,
    };
    const int32_t *p = guarded_copy(positions, sizeof positions, where);
    vd_rope_kernels[isa](&op, p, c->range);
    return op.y;
}

static void check_untouched(const float *y, const rope_case *c) {
    int64_t begin = c->range.begin * c->d_h, end = c->range.end * c->d_h;
    int64_t all = (int64_t)ROWS * c->heads * c->d_h;
    if (c->in_place) {
        same_floats("y before the range", x, y, begin);
        same_floats("y after the range", x + end, y + end, all - end);
    } else {
        untouched("y before the range", y, begin * 4);
        untouched("y after the range", y + end, (all - end) * 4);
    }
}

// Checks a rotated pair of a head against double: each result is a rounded product and an fma.
static void check_pair(const rope_case *c, const float *y, int64_t head, int32_t j) {
    int interleaved = c->pairs == VD_ROPE_INTERLEAVED;
    int64_t i0 = head * c->d_h + (interleaved ? 2 * j : j);
    int64_t i1 = interleaved ? i0 + 1 : i0 + c->d_rot / 2;
    int64_t angle = (int64_t)positions[head / c->heads] * (c->d_rot / 2) + j;
    double cosine = (double)cosines[angle], sine = (double)sines[angle];
    double x0 = (double)x[i0], x1 = (double)x[i1];
    double tolerance0 = roundings(2) * (fabs(x0 * cosine) + fabs(x1 * sine));
    double tolerance1 = roundings(2) * (fabs(x0 * sine) + fabs(x1 * cosine));
    near("y", i0, x0 * cosine - x1 * sine, tolerance0, y[i0]);
    near("y", i1, x0 * sine + x1 * cosine, tolerance1, y[i1]);
}

static void check_definition(const rope_case *c, const float *y) {
    for (int64_t head = c->range.begin; head < c->range.end; head++) {
        for (int32_t j = 0; j < c->d_rot / 2; j++) {
            check_pair(c, y, head, j);
        }
        int64_t rest = head * c->d_h + c->d_rot;
        same_floats("elements beyond d_rot", x + rest, y + rest, c->d_h - c->d_rot);
    }
}

static void check_case(const rope_case *c, floats kind) {
    for (placement where = 0; where < PLACEMENTS; where++) {
        describe("rope, heads %d, d_h %d, d_rot %d, pairs %d, in place %d, %s", c->heads, c->d_h,
                 c->d_rot, c->pairs, c->in_place, floats_name(kind));
        const float *expected = run(VD_ISA_SCALAR, c, where);
        check_untouched(expected, c);
        if (kind == ORDINARY) {
            check_definition(c, expected);
        }
        for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            describe("rope %s, heads %d, d_h %d, d_rot %d, pairs %d, in place %d, %s",
                     vd_isa_name(isa), c->heads, c->d_h, c->d_rot, c->pairs, c->in_place,
                     floats_name(kind));
            same_floats("y", expected, run(isa, c, where), (int64_t)ROWS * c->heads * c->d_h);
        }
        guarded_free_all();
    }
}

static void check_shape(rng *r, int32_t d_h, int32_t d_rot) {
    for (floats kind = 0; kind < FLOATS_COUNT; kind++) {
        rng_fill(r, kind, x, sizeof x / sizeof x[0]);
        for (size_t i = 0; i < sizeof cosines / sizeof cosines[0]; i++) {
            double angle = (double)rng_uniform(r, 0, 6.3f);
            cosines[i] = (float)cos(angle);
            sines[i] = (float)sin(angle);
        }
        for (int which = 0; which < 4; which++) {
            rope_case c = {.heads = (int32_t)rng_between(r, 1, HEADS_MAX),
                           .d_h = d_h,
                           .d_rot = d_rot,
                           .pairs = which & 1 ? VD_ROPE_HALVES : VD_ROPE_INTERLEAVED,
                           .in_place = which >> 1};
            c.range.begin = rng_below(r, ROWS * c.heads);
            c.range.end = rng_between(r, c.range.begin, ROWS * c.heads);
            check_case(&c, kind);
        }
    }
}

int main(void) {
    test_begin("rope");
    rng r = {3};
    for (int32_t d_rot = 2; d_rot <= D_H_MAX; d_rot += 2 * sweep_step()) {
        check_shape(&r, d_rot, d_rot);
        check_shape(&r, (int32_t)rng_between(&r, d_rot, D_H_MAX), d_rot);
    }
    return 0;
}

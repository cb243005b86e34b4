#include "support/rng.h"

#include <float.h>
#include <math.h>

#include "support/check.h"

const char *floats_name(floats kind) {
    static const char *const names[FLOATS_COUNT] = {
        [ORDINARY] = "ordinary", [WIDE] = "wide",   [TINY] = "tiny",       [HUGE_ONES] = "huge",
        [ZEROS] = "zeros",       [MIXED] = "mixed", [SPECIAL] = "special",
    };
    return names[kind];
}

uint64_t rng_next(rng *r) {
    uint64_t z = r->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

int64_t rng_below(rng *r, int64_t n) {
    CHECK(n > 0);
    return (int64_t)(rng_next(r) % (uint64_t)n);
}

int64_t rng_between(rng *r, int64_t min, int64_t max) { return min + rng_below(r, max - min + 1); }

float rng_uniform(rng *r, float from, float to) {
    return from + (to - from) * (float)(rng_next(r) >> 40) * 0x1p-24f;
}

static float with_sign(rng *r, float magnitude) { return rng_next(r) & 1 ? -magnitude : magnitude; }

float rng_float(rng *r, floats kind) {
    switch (kind) {
        case ORDINARY:
            return rng_uniform(r, -4, 4);
        case WIDE:
            return with_sign(r, ldexpf(rng_uniform(r, 1, 2), (int)rng_between(r, -40, 39)));
        case TINY:
            return with_sign(r, (float)rng_below(r, 1 << 25) * 0x1p-149f);
        case HUGE_ONES:
            return with_sign(r, FLT_MAX * rng_uniform(r, 0.25f, 1));
        case ZEROS:
            return with_sign(r, 0);
        case MIXED: {
            int64_t which = rng_below(r, 2 * MIXED);
            return which < MIXED ? rng_float(r, (floats)which) : rng_float(r, ORDINARY);
        }
        default: {
            static const float special[] = {INFINITY, -INFINITY, NAN, 0x1p-149f};
            int64_t which = rng_below(r, 256);
            return which < 4 ? special[which] : rng_float(r, MIXED);
        }
    }
}

void rng_fill(rng *r, floats kind, float *p, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        p[i] = rng_float(r, kind);
    }
}

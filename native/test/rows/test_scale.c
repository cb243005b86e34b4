// scale: one rounded product per element, also in place.
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"

enum { ROWS = 5 };

static float x[ROWS * LONGEST], expected[ROWS * LONGEST];

static void rounds_products(int32_t width, float factor, int in_place, int32_t workers,
                            placement where) {
    describe("scale, width %d, factor %g, in place %d, %d workers", width, (double)factor, in_place,
             workers);
    int64_t n = (int64_t)ROWS * width;
    for (int64_t i = 0; i < n; i++) {
        expected[i] = (float)((double)factor * (double)x[i]);
    }
    size_t bytes = (size_t)n * sizeof(float);
    float *copy = guarded_copy(x, bytes, where);
    float *y = in_place ? copy : guarded_alloc(bytes, where);
    vd_op op = {.kind = VD_OP_SCALE,
                .as.scale = {.x = copy, .y = y, .factor = factor, .width = width}};
    run_rows(&op, VD_ISA_SCALAR, workers, ROWS);
    same_floats("y", expected, y, n);
    guarded_free_all();
}

int main(void) {
    describe_faults();
    static const float factors[] = {25.298221588f, 0.22f, -1, 0, 0x1p-140f};
    rng r = {12};
    for (int i = 0; i < LENGTHS; i++) {
        rng_fill(&r, (floats)(i % FLOATS_COUNT), x, ROWS * length_at(i));
        for (size_t f = 0; f < sizeof factors / sizeof factors[0]; f++) {
            for (int32_t workers = 1; workers <= 3; workers++) {
                rounds_products(length_at(i), factors[f], i & 1, workers,
                                (placement)(i % PLACEMENTS));
            }
        }
    }
    return 0;
}

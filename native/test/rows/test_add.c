// add: one rounded sum per element, with and without a broadcast row, for each aliasing of y.
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"

enum { ROWS = 5 };

typedef enum target { SEPARATE, OVER_A, OVER_B, TARGETS } target;

static float a[ROWS * LONGEST], b[ROWS * LONGEST], expected[ROWS * LONGEST];

static void rounds_sums(int32_t width, int32_t broadcast, target where_y, int32_t workers,
                        placement where) {
    describe("add, width %d, broadcast %d, target %d, %d workers", width, broadcast, where_y,
             workers);
    int64_t n = (int64_t)ROWS * width;
    for (int64_t i = 0; i < n; i++) {
        expected[i] = (float)((double)a[i] + (double)b[broadcast ? i % width : i]);
    }
    size_t bytes = (size_t)n * sizeof(float);
    float *a_copy = guarded_copy(a, bytes, where);
    float *b_copy = guarded_copy(b, broadcast ? bytes / ROWS : bytes, where);
    float *y = where_y == OVER_A   ? a_copy
               : where_y == OVER_B ? b_copy
                                   : guarded_alloc(bytes, where);
    vd_op op = {
        .kind = VD_OP_ADD,
        .as.add = {.a = a_copy, .b = b_copy, .y = y, .width = width, .broadcast = broadcast}};
    run_rows(&op, VD_ISA_SCALAR, workers, ROWS);
    same_floats("y", expected, y, n);
    guarded_free_all();
}

int main(void) {
    describe_faults();
    rng r = {11};
    for (int i = 0; i < LENGTHS; i++) {
        floats kind = (floats)(i % FLOATS_COUNT);
        rng_fill(&r, kind, a, ROWS * length_at(i));
        rng_fill(&r, kind, b, ROWS * length_at(i));
        for (int32_t broadcast = 0; broadcast <= 1; broadcast++) {
            for (target where_y = SEPARATE; where_y < (broadcast ? OVER_B : TARGETS); where_y++) {
                for (int32_t workers = 1; workers <= 3; workers++) {
                    rounds_sums(length_at(i), broadcast, where_y, workers,
                                (placement)(i % PLACEMENTS));
                }
            }
        }
    }
    return 0;
}

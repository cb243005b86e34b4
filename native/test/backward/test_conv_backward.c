// conv backward: every variant equals the scalar one, which is close to differences of the
// definition in double.
#include <math.h>

#include "backward/backward.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/tolerance.h"

enum { ROWS = 19, L_MAX = 6 };

// Sequence and position of each row: with gaps between positions, and sequences in several runs.
static const int32_t rows[ROWS][2] = {{0, 0},  {0, 1},  {0, 2},  {0, 3},  {0, 7},  {0, 8}, {0, 9},
                                      {1, 63}, {1, 64}, {1, 65}, {1, 67}, {1, 69}, {2, 5}, {0, 10},
                                      {0, 11}, {0, 12}, {2, 6},  {2, 7},  {2, 8}};

static float kernel[L_MAX * LONGEST], dy[ROWS * LONGEST];

static void fill_batch(rng *r, batch *b) {
    batch_begin(b, r, 3, 2);
    for (int i = 0; i < ROWS; i++) {
        batch_add(b, rows[i][0], rows[i][1], 0, 0);
    }
}

static const float *run(vd_isa isa, int32_t d, int32_t L, const batch *b, placement where) {
    size_t bytes = sizeof(float) * (size_t)(ROWS * d);
    vd_conv_backward op = {.kernel = guarded_copy(kernel, sizeof(float) * (size_t)(L * d), where),
                           .dy = guarded_copy(dy, bytes, where),
                           .dx = guarded_alloc(bytes, where),
                           .d = d,
                           .L = L};
    vd_backward[isa]->conv(&op, &b->view, (vd_range){0, d});
    return op.dx;
}

// Returns dy . y as a function of one element of x. The other elements of x are 0. Only adjacent
// rows of a sequence are differentiated together.
static double loss(int32_t d, int32_t L, int32_t row, int32_t column, double value) {
    double sum = 0;
    for (int32_t i = row; i < ROWS && rows[i][0] == rows[row][0]; i++) {
        int32_t distance = rows[i][1] - rows[row][1];
        double y = distance < L ? (double)kernel[(L - 1 - distance) * d + column] * value : 0;
        sum += (double)dy[i * d + column] * y;
    }
    return sum;
}

static void check_differences(int32_t d, int32_t L, const float *dx) {
    for (int32_t i = 0; i < ROWS * d; i++) {
        double difference = (loss(d, L, i / d, i % d, 1) - loss(d, L, i / d, i % d, -1)) / 2;
        double terms = 0;
        for (int32_t j = i / d; j < ROWS && j < i / d + L; j++) {
            terms += 16 * fabs((double)dy[j * d + i % d]);
        }
        near("dx", i, difference, roundings(L) * terms + underflows(L), dx[i]);
    }
}

static void check_case(rng *r, int32_t d, floats kind) {
    batch b;
    fill_batch(r, &b);
    int32_t L = (int32_t)rng_between(r, 1, L_MAX);
    rng_fill(r, kind, kernel, L * d);
    rng_fill(r, kind, dy, ROWS * d);
    for (placement where = 0; where < PLACEMENTS; where++) {
        describe("conv backward scalar, d %d, L %d, %s", d, L, floats_name(kind));
        const float *expected = run(VD_ISA_SCALAR, d, L, &b, where);
        if (kind == ORDINARY) {
            check_differences(d, L, expected);
        }
        for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            describe("conv backward %s, d %d, L %d, %s", vd_isa_name(isa), d, L, floats_name(kind));
            same_floats("dx", expected, run(isa, d, L, &b, where), ROWS * d);
        }
        vd_op op = {
            .kind = VD_OP_CONV_BACKWARD,
            .as.conv_backward = {kernel, dy, guarded_alloc(sizeof(float) * ROWS * d, where), d, L}};
        run_ops(&op, 1, VD_ISA_SCALAR, (int32_t)rng_between(r, 1, 4), &b.view);
        same_floats("dx of workers", expected, op.as.conv_backward.dx, ROWS * d);
        guarded_free_all();
    }
}

int main(void) {
    test_begin("conv_backward");
    rng r = {52};
    for (int i = 0; i < LENGTHS; i += sweep_step()) {
        for (floats kind = 0; kind < FLOATS_COUNT; kind++) {
            check_case(&r, length_at(i), kind);
        }
    }
    return 0;
}

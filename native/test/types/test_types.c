// All 65536 halves, in plain C and as the vectors of every variant of matmul convert them, against
// their definition in double.
#include "types/types.h"

#include <math.h>
#include <stdlib.h>

#include "matmul/matmul.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/isas.h"
#include "support/weights.h"

enum { HALVES = 1 << 16, LANES = 16 };

static float expected[HALVES];

static void check_scalar(void) {
    for (int32_t half = 0; half < HALVES; half++) {
        describe("half 0x%04x", half);
        expected[half] = (float)half_value((uint16_t)half);
        float actual = vd_half_to_float((uint16_t)half);
        same_floats("its value", &expected[half], &actual, 1);
    }
}

// Row n of the weights has half n in column `lane` and zeros elsewhere, and x is one there: the
// product is the half, except that +0 is what a sum makes of -0.
static void check_product(vd_isa isa, int32_t K, int32_t lane, uint16_t *weights, float *y) {
    describe("halves by matmul %s, K %d, lane %d", vd_isa_name(isa), K, lane);
    float x[LANES] = {0};
    x[lane] = 1;
    for (int32_t n = 0; n < HALVES; n++) {
        for (int32_t k = 0; k < K; k++) {
            weights[n * K + k] = k == lane ? (uint16_t)n : 0;
        }
    }
    vd_matmul op = {.weights = weights, .x = x, .y = y, .type = VD_F16, .N = HALVES, .K = K};
    vd_matmul_kernels[VD_F16][isa](&op, (vd_range){0, 1}, (vd_range){0, HALVES});
    for (int32_t n = 0; n < HALVES; n++) {
        y[n] = y[n] == 0 ? copysignf(y[n], expected[n]) : y[n];
    }
    same_floats("value of half", expected, y, HALVES);
}

int main(void) {
    test_begin("types");
    check_scalar();
    uint16_t *weights = malloc(HALVES * LANES * sizeof *weights);
    float *y = malloc(HALVES * sizeof *y);
    CHECK(weights != NULL && y != NULL);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        for (int32_t lane = 0; lane < LANES; lane += sweep_step()) {
            check_product(isa, LANES, lane, weights, y);
            check_product(isa, lane + 1, lane, weights, y);
        }
    }
    free(weights);
    free(y);
    return 0;
}

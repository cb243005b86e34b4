// F16: all 65536 values, converted in C and by the vectors of every variant of matmul, equal their
// definition in double.
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

static void converts_f16(void) {
    for (int32_t half = 0; half < HALVES; half++) {
        describe("F16 0x%04x", half);
        expected[half] = (float)half_value((uint16_t)half);
        float actual = vd_half_to_float((uint16_t)half);
        same_floats("value", &expected[half], &actual, 1);
    }
}

// Checks conversions by a product. Row n of the weights is F16 n in column `lane` and 0 elsewhere,
// and x is 1 there, so that the product is the F16; only -0 becomes +0 in the sum.
static void matmul_converts_f16(vd_isa isa, int32_t K, int32_t lane, uint16_t *weights, float *y) {
    describe("F16 by matmul %s, K %d, lane %d", vd_isa_name(isa), K, lane);
    float x[LANES] = {0};
    x[lane] = 1;
    for (int32_t n = 0; n < HALVES; n++) {
        for (int32_t k = 0; k < K; k++) {
            weights[n * K + k] = k == lane ? (uint16_t)n : 0;
        }
    }
    vd_matmul op = {.weights = weights, .x = x, .y = y, .type = VD_F16, .N = HALVES, .K = K};
    vd_matmul_kernels[VD_F16][isa](&op, (vd_range){0, 1}, (vd_range){0, HALVES},
                                   vd_all_columns(&op));
    for (int32_t n = 0; n < HALVES; n++) {
        y[n] = y[n] == 0 ? copysignf(y[n], expected[n]) : y[n];
    }
    same_floats("value of F16", expected, y, HALVES);
}

int main(void) {
    test_begin("types");
    converts_f16();
    uint16_t *weights = malloc(HALVES * LANES * sizeof *weights);
    float *y = malloc(HALVES * sizeof *y);
    CHECK(weights != NULL && y != NULL);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        for (int32_t lane = 0; lane < LANES; lane += sweep_step()) {
            matmul_converts_f16(isa, LANES, lane, weights, y);
            matmul_converts_f16(isa, lane + 1, lane, weights, y);
        }
    }
    free(weights);
    free(y);
    return 0;
}

// Matrix products of random operands in guarded memory, for tests of the kernels of both
// arithmetics.
#ifndef VD_TEST_MATMUL_CASE_H
#define VD_TEST_MATMUL_CASE_H

#include "matmul/matmul.h"
#include "support/guarded.h"
#include "support/rng.h"
#include "support/weights.h"

enum { ELEMENTS_MAX = 1 << 19, WEIGHT_BYTES_MAX = 2 << 20 };

typedef struct matmul_case {
    vd_type type;
    int32_t M, N, K;
    vd_range rows, units;
    weight_bits bits;
    floats kind;
} matmul_case;

// The operands that fill_case generates: activations [M,K], and weights as in a file.
extern float case_x[ELEMENTS_MAX];
extern unsigned char case_weights[WEIGHT_BYTES_MAX];

// Returns the number of outputs that a kernel computes as a unit.
int64_t unit_of(vd_type type);

// Returns K: for block-quantized types `quantized` rounded up to whole blocks, else `other`.
int32_t whole_blocks(vd_type type, int32_t quantized, int32_t other);

int64_t units_of(const matmul_case *c);

// Returns the number of products of all rows and outputs.
int64_t products_of(const matmul_case *c);

// Returns a product of plain weights and ordinary activations, with all its rows and outputs.
matmul_case whole(vd_type type, int32_t M, int32_t N, int32_t K);

// Describes the case for failures.
void describe_case(const char *variant, const matmul_case *c);

// Generates the operands.
void fill_case(rng *r, const matmul_case *c);

// Returns the operation with its operands in guarded memory, without y.
vd_matmul prepare_case(const matmul_case *c, placement where);

// Requires that outputs of y outside the case's rows and units were not written.
void check_untouched(const matmul_case *c, const float *y);

#endif

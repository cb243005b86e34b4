// A product on the way back of random operands in guarded memory: what tests of ordinary and fast
// kernels share.
#ifndef VD_TEST_MATMUL_BACKWARD_CASE_H
#define VD_TEST_MATMUL_BACKWARD_CASE_H

#include "backward/backward.h"
#include "matmul/matmul_case.h"

typedef struct product {
    vd_type type;
    int32_t M, N, K, unpacked;
    weight_bits bits;
} product;

// The operation with its operands in guarded memory: the weights of matmul_case.h and dy [M,N].
static inline vd_matmul_backward prepare(const product *p, const float *dy, placement where) {
    matmul_case c = whole(p->type, 1, p->N, p->K);
    size_t bytes = (size_t)(p->N * weights_row_bytes(p->type, p->K));
    return (vd_matmul_backward){
        .weights = p->unpacked ? guarded_copy(case_weights, bytes, where)
                               : prepare_case(&c, where).weights,
        .dy = guarded_copy(dy, (size_t)p->M * p->N * sizeof(float), where),
        .dx = guarded_alloc((size_t)p->M * p->K * sizeof(float), where),
        .type = p->type,
        .N = p->N,
        .K = p->K,
        .unpacked = p->unpacked,
    };
}

#endif

// Attention of one query in double by its formula, without chunks and lanes.
#ifndef VD_TEST_ATTENTION_REFERENCE_H
#define VD_TEST_ATTENTION_REFERENCE_H

#include <stdint.h>

#include "vidrio.h"

// A query of the operation, with its KV head, its position, the positions [first, end) that it
// attends to, and the sink, slope and biases [2 reach + 1] of its head if the operation has them.
typedef struct one_query {
    const vd_attention *op;
    const int32_t *blocks;
    const float *q;
    int32_t head, position, first, end;
    float sink, slope;
    const float *biases;
    int rotated_back;  // whether z of a Q4_0 cache is that of values before their rotation
} one_query;

// Checks z [d_v], the result for the query.
void check_attention(const one_query *one, const float *z);

// Checks z [d_v] of unfused attention, with a softmax over P positions at once.
void check_unfused_attention(const one_query *one, int32_t P, const float *z);

// Checks the scores of P positions.
void check_scores(const one_query *one, int32_t P, const float *y);

#endif

// Definitions that the kernels of attention backward share.
#ifndef VD_BACKWARD_ATTENTION_BACKWARD_H
#define VD_BACKWARD_ATTENTION_BACKWARD_H

#include "attention/kv_cache.h"
#include "backward/backward.h"

// The stored statistics of a query's softmax over scores s: P[t] = exp(s[t] - maximum) * inverse.
typedef struct vd_softmax_statistics {
    float maximum;
    float inverse;  // 1 / sum of exponentials
    float mean;     // mean of dP, weighted by P
} vd_softmax_statistics;

// Returns the statistics of the query of a row and head.
VD_INLINE vd_softmax_statistics *vd_softmax_of(const vd_attention_backward *op, int64_t row,
                                               int32_t head) {
    return (vd_softmax_statistics *)op->statistics + row * op->attention.H + head;
}

// Returns the length of a query's row of scores: the positions of the segment's last token, rounded
// up to whole tiles.
VD_INLINE int64_t vd_query_row(const vd_segment *segment) {
    int64_t end = segment->positions[segment->rows.end - 1] + 1;
    return (end + VD_KV_LANES - 1) / VD_KV_LANES * VD_KV_LANES;
}

enum {
    VD_BACKWARD_QUERIES = 48,                   // maximum of a work item
    VD_BACKWARD_TILES = VD_KEYS / VD_KV_LANES,  // maximum that a kernel takes together
};

VD_INLINE int64_t vd_queries(const vd_segment *segment) {
    int64_t floats =
        VD_SCRATCH_BYTES / 4 - VD_BACKWARD_TILES * VD_KV_LANES * segment->op->attention.cache.d_v;
    return vd_min(floats / (3 * vd_query_row(segment)), VD_BACKWARD_QUERIES);
}

// Returns the tokens of a work item.
VD_INLINE int64_t vd_query_tokens(const vd_segment *segment) {
    int64_t tokens =
        vd_queries(segment) / (segment->op->attention.H / segment->op->attention.cache.H_kv);
    return tokens > 1 ? tokens : 1;
}

#endif

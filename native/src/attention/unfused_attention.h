#ifndef VD_ATTENTION_UNFUSED_ATTENTION_H
#define VD_ATTENTION_UNFUSED_ATTENTION_H

#include "core/arch.h"
#include "vidrio.h"

// A query head of one token.
typedef struct vd_query {
    const vd_kv_cache *cache;
    const int32_t *blocks;  // the sequence's row of the block tables
    int32_t head;           // key-value head
    int32_t position;
    int32_t first;  // positions [first, end) are attended to
    int32_t end;
    float slope;        // if the operation has ALiBi slopes
    const float *bias;  // that of the own position, if the operation has biases
    const float *q;     // [d_h]
    // For a quantized cache, in blocks of 32; rotated for Q4_0.
    const int8_t *quants;  // [d_h]
    const float *scale;    // [d_h/32]
    const int32_t *sum;    // [d_h/16]
} vd_query;

typedef struct vd_unfused_attention_kernel {
    // Writes the scores of the query's positions to y [P]; other elements of y are unspecified
    // afterwards.
    void (*scores)(const vd_scores *op, const vd_query *query, float *y);
    // Replaces n elements y by their softmax. sink may be null.
    void (*softmax)(const float *sink, float *y, int64_t n);
    // Writes to z [d_v] the sum of the values of positions [0, query->end), weighted by the
    // pattern; for Q4_0, z before it is rotated back.
    void (*values)(const vd_query *query, const float *pattern, float *z);
} vd_unfused_attention_kernel;

#define VD_VARIANT(isa, name) extern const vd_unfused_attention_kernel vd_unfused_attention_##name;
#include "simd/variants_v16.inc"
#undef VD_VARIANT

extern const vd_unfused_attention_kernel *const vd_unfused_attention_kernels[VD_ISA_COUNT];

#endif

#ifndef VD_ATTENTION_ATTENTION_H
#define VD_ATTENTION_ATTENTION_H

#include "core/arch.h"
#include "core/pool.h"

enum { VD_QUERIES = 64 };  // of a tile, at most

// Queries of one sequence that read the same key-value head: some tokens times the query heads of
// that head, ordered so that `first` and `end` ascend.
typedef struct vd_attention_tile {
    const vd_attention *op;
    const int32_t *blocks;       // the sequence's row of the block tables
    int32_t head;                // key-value head
    int32_t n;                   // queries
    const float *q[VD_QUERIES];  // [d_h] each
    float *z[VD_QUERIES];        // [d_v] each
    float sink[VD_QUERIES];      // where the operation has sinks
    float slope[VD_QUERIES];     // where it has slopes
    int32_t first[VD_QUERIES];   // positions [first, end) are attended to
    int32_t end[VD_QUERIES];
    // Queries in blocks of 32, for a Q8_0 cache.
    int8_t *quants;  // [n, d_h]
    float *scale;    // [n, d_h/32]
    int32_t *sum;    // [n, d_h/32] of a block's quants
    float *scores;   // scratch [n, VD_ATTENTION_CHUNK], 64-byte aligned
    float *floats;   // scratch [VD_KV_BLOCK, the greater of d_h and d_v], 64-byte aligned
    // Keys of the blocks that will be asked for next, or null.
    const char *next_keys[VD_ATTENTION_CHUNK / VD_KV_BLOCK];
} vd_attention_tile;

// What the softmax of a query has of some positions: d_v weighted values, rounded up to 16, then at
// [stride - 16] the greatest score and at [stride - 15] the sum of exponentials, 0 when there are
// no positions. Records lie adjacent, 64-byte aligned.
VD_INLINE int64_t vd_part_stride(int64_t d_v) { return (d_v + 15) / 16 * 16 + 16; }

typedef struct vd_attention_kernel {
    // Attends to the positions of [begin, begin + VD_ATTENTION_CHUNK); begin is a multiple of that.
    // Writes n parts.
    void (*chunk)(const vd_attention_tile *tile, int64_t begin, float *parts);
    // Merges n parts of later positions into those of earlier ones.
    void (*merge)(const vd_attention_tile *tile, float *parts, const float *later);
    // Writes z from n parts of all positions.
    void (*finish)(const vd_attention_tile *tile, const float *parts);
} vd_attention_kernel;

#define VD_VARIANT(isa, name) extern const vd_attention_kernel vd_attention_##name;
#include "attention/attention_kernels.inc"
#undef VD_VARIANT

extern const vd_attention_kernel *const vd_attention_kernels[VD_ISA_COUNT];

// Fills in quants, scale and sum of the tile's queries.
void vd_attention_quantize(vd_attention_tile *tile, vd_isa isa);

#endif

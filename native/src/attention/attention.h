#ifndef VD_ATTENTION_ATTENTION_H
#define VD_ATTENTION_ATTENTION_H

#include "core/arch.h"
#include "core/pool.h"

enum { VD_QUERIES = 32 };  // of a tile, at most

// Queries of one sequence that read the same key-value head: some tokens times the query heads of
// that head, ordered so that `count` ascends.
typedef struct vd_attention_tile {
    const vd_kv_cache *cache;
    const int32_t *blocks;  // the sequence's row of the block tables
    int32_t head;           // key-value head
    float scale;
    int32_t n;                   // queries
    const float *q[VD_QUERIES];  // [d_h] each
    float *z[VD_QUERIES];        // [d_h] each
    int32_t count[VD_QUERIES];   // positions to attend to, from 0 on
    float *scores;               // scratch [VD_QUERIES, VD_ATTENTION_CHUNK], 64-byte aligned
} vd_attention_tile;

typedef void vd_attention_kernel(const vd_attention_tile *tile);

#define VD_VARIANT(isa, name) vd_attention_kernel vd_attention_##name;
#include "attention/attention_kernels.inc"
#undef VD_VARIANT

extern vd_attention_kernel *const vd_attention_kernels[VD_ISA_COUNT];

#endif

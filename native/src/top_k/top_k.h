#ifndef VD_TOP_K_TOP_K_H
#define VD_TOP_K_TOP_K_H

#include <math.h>

#include "core/arch.h"
#include "core/pool.h"
#include "types/types.h"

// The result of searching some chunks of a row.
typedef struct vd_top_k_part {
    uint64_t keys[VD_TOP_K_MAX];  // the k largest so far; a min-heap
    int32_t n;                    // number of keys
    int32_t chunks;
    float maximum[VD_TOP_K_CHUNKS];  // of each chunk
    float sum[VD_TOP_K_CHUNKS];      // of exp(x - maximum), of each chunk
} vd_top_k_part;

// Returns a key that orders by value, NaN lowest, then by descending id.
static inline uint64_t vd_top_k_key(float value, int64_t id) {
    uint32_t bits = vd_float_to_bits(isnan(value) ? -INFINITY : value + 0.0f);  // +0 for -0
    uint32_t ascending = bits >> 31 ? ~bits : bits | 1u << 31;
    return (uint64_t)ascending << 32 | (UINT32_MAX - (uint32_t)id);
}

static inline int32_t vd_top_k_id(uint64_t key) { return (int32_t)(UINT32_MAX - (uint32_t)key); }

// Keeps the key if it is among the k largest.
void vd_top_k_offer(vd_top_k_part *part, int32_t k, uint64_t key);

// Returns the elements of a chunk: whole vectors, as few as VD_TOP_K_CHUNKS chunks allow.
static inline int64_t vd_top_k_chunk(int64_t V) {
    return 16 * vd_ceil_div(V, 16 * VD_TOP_K_CHUNKS);
}

// Searches chunks [chunks.begin, chunks.end) of a row into an empty part.
typedef void vd_top_k_kernel(const vd_top_k *op, int64_t row, vd_range chunks, vd_top_k_part *part);

#define VD_VARIANT(isa, name) vd_top_k_kernel vd_top_k_##name;
#include "simd/variants_v16.inc"
#undef VD_VARIANT

extern vd_top_k_kernel *const vd_top_k_kernels[VD_ISA_COUNT];

#endif

// The operands of tiles of matmul in bf16. The includer defines token_value, the type of converted
// activations; GROUPS of 16 outputs; and WIDTH, their outputs.
#ifndef VD_MATMUL_BF16_OPERANDS_H
#define VD_MATMUL_BF16_OPERANDS_H

#include "simd/part_v16.h"

// Converted columns of tokens, zero from the last one to a multiple of 32.
typedef struct tokens {
    const token_value *x;
    int64_t stride;
    int64_t columns;  // a multiple of 32
} tokens;

// The outputs of a tile in y. `left` columns of the tile exist.
typedef struct outputs_at {
    float *y;
    int64_t stride;
    int64_t left;
} outputs_at;

// Loads the sums of M tokens, or zeros if the products to be added are the first.
VD_INLINE void load_outputs(const int M, outputs_at at, int first, float (*acc)[WIDTH]) {
    for (int m = 0; m < M; m++) {
        for (int g = 0; g < GROUPS; g++) {
            int64_t left = at.left - 16 * g;
            const float *from = at.y + m * at.stride + 16 * g;
            f32x16 y = first || left <= 0 ? f32x16_zero() : f32x16_load_up_to(from, left);
            f32x16_store(acc[m] + 16 * g, y);
        }
    }
}

VD_INLINE void store_outputs(const int M, outputs_at at, float (*acc)[WIDTH]) {
    for (int m = 0; m < M; m++) {
        for (int g = 0; g < GROUPS && at.left > 16 * g; g++) {
            f32x16_store_up_to(at.y + m * at.stride + 16 * g, f32x16_load(acc[m] + 16 * g),
                               at.left - 16 * g);
        }
    }
}

#endif

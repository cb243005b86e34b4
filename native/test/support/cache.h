// A paged KV cache addressed element by element, after the layout that vd_kv_cache specifies.
#ifndef VD_TEST_CACHE_H
#define VD_TEST_CACHE_H

#include <stdint.h>

#include "support/guarded.h"
#include "support/rng.h"
#include "vidrio.h"

enum { KV_TYPES = 5 };
extern const vd_type kv_types[KV_TYPES];

// Returns whether 32 elements of a type share a scale; such types come last in kv_types.
int has_scales(vd_type type);
enum { SCALED_KV_TYPES = 2 };

// Returns the bytes of the keys or values of width d.
int64_t cache_bytes(const vd_kv_cache *c, int32_t blocks, int32_t d);

// Returns the bytes of the keys or values of width d of one position.
int64_t cache_row_bytes(const vd_kv_cache *c, int32_t d);

// Returns a cache of `blocks` blocks in guarded memory, filled with NaNs, so that reading elements
// that were not stored shows in the results. An even number of heads is in two groups.
vd_kv_cache cache_of_nans(int32_t blocks, int32_t H_kv, int32_t d_h, int32_t d_v, vd_type type,
                          placement where);

// Makes values the first elements of keys.
void share_values(vd_kv_cache *c);

// Returns the number of elements that the rotation of keys and values of width d mixes.
int32_t rotation_of(const vd_kv_cache *c, int32_t d);

// An F32, F16 or BF16 element, or an int8 or 4 bits of a byte with an F16 scale. A key of 4 bits is
// a difference to the element of an anchor, an int8 with an F16 scale.
typedef struct kv_element {
    void *at;
    uint16_t *scale;
    int high;  // of the two elements in a byte
    int8_t *anchor;
    uint16_t *anchor_scale;
} kv_element;

// Returns element i of the key or value of a position. `blocks` is the sequence's row of the block
// tables.
kv_element key_at(const vd_kv_cache *c, const int32_t *blocks, int32_t head, int32_t position,
                  int32_t i);
kv_element value_at(const vd_kv_cache *c, const int32_t *blocks, int32_t head, int32_t position,
                    int32_t i);

// Returns the value of an element, rotated in Q4_0.
double element_value(vd_type type, kv_element element);

// Returns the sum of the magnitudes of the terms of an element: those of itself and of the anchor.
double element_magnitude(vd_type type, kv_element element);

// Multiplies x [d] by the orthogonal Hadamard matrix of n rows, n elements at a time: element
// [i][j] is negative if i and j have an odd number of bits in common.
void rotate_exactly(const double *x, double *y, int32_t d, int32_t n);

// Fills the keys and values of positions 0 to n - 1 of all heads with random values.
void cache_fill(const vd_kv_cache *c, const int32_t *blocks, int32_t n, rng *r, floats kind);

#endif

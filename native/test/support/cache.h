// A paged KV cache addressed element by element, after the layout that vd_kv_cache specifies.
#ifndef VD_TEST_CACHE_H
#define VD_TEST_CACHE_H

#include <stdint.h>

#include "support/guarded.h"
#include "support/rng.h"
#include "vidrio.h"

enum { KV_TYPES = 4 };
extern const vd_type kv_types[KV_TYPES];

// Returns the bytes of the keys or values of width d.
int64_t cache_bytes(const vd_kv_cache *c, int32_t blocks, int32_t d);

// Returns the bytes of the keys or values of width d of one position.
int64_t cache_row_bytes(const vd_kv_cache *c, int32_t d);

// Returns a cache of `blocks` blocks in guarded memory, filled with NaNs, so that reading elements
// that were not stored shows in the results. An even number of heads is in two groups.
vd_kv_cache cache_of_nans(int32_t blocks, int32_t H_kv, int32_t d_h, int32_t d_v, vd_type type,
                          placement where);

// Returns the address of element i of the key or value of a position: an F32, F16, BF16, or an int8
// whose F16 scale is at *scale. `blocks` is the sequence's row of the block tables.
void *key_at(const vd_kv_cache *c, const int32_t *blocks, int32_t head, int32_t position, int32_t i,
             uint16_t **scale);
void *value_at(const vd_kv_cache *c, const int32_t *blocks, int32_t head, int32_t position,
               int32_t i, uint16_t **scale);

// Returns the value of such an element.
double element_value(vd_type type, const void *element, const uint16_t *scale);

// Fills the keys and values of positions 0 to n - 1 of all heads with random values.
void cache_fill(const vd_kv_cache *c, const int32_t *blocks, int32_t n, rng *r, floats kind);

#endif

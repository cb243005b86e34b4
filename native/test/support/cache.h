// A paged key-value cache addressed element by element, written from the layout at vd_kv_cache.
#ifndef VD_TEST_CACHE_H
#define VD_TEST_CACHE_H

#include <stdint.h>

#include "support/guarded.h"
#include "support/rng.h"
#include "vidrio.h"

// Guarded memory of NaNs for `blocks` blocks: what nobody stores must not count.
vd_kv_cache cache_of_nans(int32_t blocks, int32_t H_kv, int32_t d_h, placement where);

// Element i of the key or value of a position; `blocks` is the sequence's row of the block tables.
float *key_at(const vd_kv_cache *c, const int32_t *blocks, int32_t head, int32_t position,
              int32_t i);
float *value_at(const vd_kv_cache *c, const int32_t *blocks, int32_t head, int32_t position,
                int32_t i);

// Random keys and values for positions 0 to n - 1 of all heads.
void cache_fill(const vd_kv_cache *c, const int32_t *blocks, int32_t n, rng *r, floats kind);

#endif

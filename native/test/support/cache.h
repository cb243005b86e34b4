// A paged key-value cache addressed element by element, written from the layout at vd_kv_cache.
#ifndef VD_TEST_CACHE_H
#define VD_TEST_CACHE_H

#include <stdint.h>

#include "support/guarded.h"
#include "support/rng.h"
#include "vidrio.h"

enum { KV_TYPES = 4 };
extern const vd_type kv_types[KV_TYPES];

// Bytes of the keys, or of the values, of width d.
int64_t cache_bytes(const vd_kv_cache *c, int32_t blocks, int32_t d);

// Guarded memory of NaNs for `blocks` blocks: what nobody stores must not count.
vd_kv_cache cache_of_nans(int32_t blocks, int32_t H_kv, int32_t d_h, int32_t d_v, vd_type type,
                          placement where);

// Element i of the key or value of a position: a float, a half, a bfloat, or an int8 whose scale is
// the half at *scale. `blocks` is the sequence's row of the block tables.
void *key_at(const vd_kv_cache *c, const int32_t *blocks, int32_t head, int32_t position, int32_t i,
             uint16_t **scale);
void *value_at(const vd_kv_cache *c, const int32_t *blocks, int32_t head, int32_t position,
               int32_t i, uint16_t **scale);

// What such an element stands for.
double element_value(vd_type type, const void *element, const uint16_t *scale);

// Random keys and values for positions 0 to n - 1 of all heads.
void cache_fill(const vd_kv_cache *c, const int32_t *blocks, int32_t n, rng *r, floats kind);

#endif

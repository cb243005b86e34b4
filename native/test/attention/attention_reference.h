// Attention of one query in double, straight from its formula: no chunks, no lanes.
#ifndef VD_TEST_ATTENTION_REFERENCE_H
#define VD_TEST_ATTENTION_REFERENCE_H

#include <stdint.h>

#include "vidrio.h"

// Checks z [d_h], the result for query q of a key-value head over positions 0 to count - 1.
void check_attention(const vd_kv_cache *cache, const int32_t *blocks, int32_t head, float scale,
                     const float *q, int32_t count, const float *z);

#endif

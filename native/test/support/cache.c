#include "support/cache.h"

#include <math.h>

enum { BLOCK = 64, LANES = 16 };

static float *nans(int64_t n, placement where) {
    float *p = guarded_alloc((size_t)n * sizeof *p, where);
    for (int64_t i = 0; i < n; i++) {
        p[i] = NAN;
    }
    return p;
}

vd_kv_cache cache_of_nans(int32_t blocks, int32_t H_kv, int32_t d_h, placement where) {
    int64_t n = (int64_t)blocks * H_kv * BLOCK * d_h;
    return (vd_kv_cache){nans(n, where), nans(n, where), H_kv, d_h};
}

float *key_at(const vd_kv_cache *c, const int32_t *blocks, int32_t head, int32_t position,
              int32_t i) {
    int64_t page = (int64_t)blocks[position / BLOCK] * c->H_kv + head;
    int64_t tile = page * (BLOCK / LANES) + position % BLOCK / LANES;
    return c->keys + (tile * c->d_h + i) * LANES + position % LANES;
}

float *value_at(const vd_kv_cache *c, const int32_t *blocks, int32_t head, int32_t position,
                int32_t i) {
    int64_t page = (int64_t)blocks[position / BLOCK] * c->H_kv + head;
    return c->values + (page * BLOCK + position % BLOCK) * c->d_h + i;
}

void cache_fill(const vd_kv_cache *c, const int32_t *blocks, int32_t n, rng *r, floats kind) {
    for (int32_t position = 0; position < n; position++) {
        for (int32_t head = 0; head < c->H_kv; head++) {
            for (int32_t i = 0; i < c->d_h; i++) {
                *key_at(c, blocks, head, position, i) = rng_float(r, kind);
                *value_at(c, blocks, head, position, i) = rng_float(r, kind);
            }
        }
    }
}

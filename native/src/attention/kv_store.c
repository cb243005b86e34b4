// kv store has one variant: it moves a few hundred floats per token.
#include <string.h>

#include "attention/kv_cache.h"
#include "core/family.h"

vd_status vd_kv_store_check(const vd_op *op) {
    const vd_kv_store *store = &op->as.kv_store;
    int valid = store->k != NULL && store->v != NULL && vd_kv_cache_valid(&store->cache) &&
                op->rows == VD_ROWS_TOKENS;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_kv_store_run(const vd_op *op, const vd_step *step) {
    const vd_kv_store *store = &op->as.kv_store;
    const vd_kv_cache *cache = &store->cache;
    const vd_batch *batch = step->batch;
    vd_range heads = vd_share(step->worker, step->rows * cache->H_kv);
    for (int64_t i = heads.begin; i < heads.end; i++) {
        int64_t row = i / cache->H_kv;
        int32_t head = (int32_t)(i % cache->H_kv);
        int64_t t = batch->positions[row];
        const int32_t *blocks =
            batch->block_tables + (int64_t)batch->sequences[row] * batch->max_blocks;
        float *keys = vd_key_tile(cache, blocks, head, t / VD_KV_LANES * VD_KV_LANES);
        for (int32_t j = 0; j < cache->d_h; j++) {
            keys[j * VD_KV_LANES + t % VD_KV_LANES] = store->k[i * cache->d_h + j];
        }
        memcpy(vd_value_row(cache, blocks, head, t), store->v + i * cache->d_h,
               (size_t)cache->d_h * sizeof(float));
    }
}

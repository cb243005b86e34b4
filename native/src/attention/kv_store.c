// kv_store has one variant: it moves a few hundred floats per token.
#include <math.h>
#include <string.h>

#include "attention/head_groups.h"
#include "attention/kv_cache.h"
#include "core/op_impl.h"

vd_status vd_kv_store_check(const vd_op *op) {
    const vd_kv_store *store = &op->as.kv_store;
    int valid = store->k != NULL && store->v != NULL && vd_kv_cache_valid(&store->cache) &&
                op->rows == VD_ROWS_TOKENS;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// Converts d elements to half precision or bfloat16.
static void narrow(const float *x, uint16_t *y, int64_t d, int32_t type) {
    if (type == VD_F16) {
        for (int64_t i = 0; i < d; i++) {
            y[i] = vd_float_to_half(x[i]);
        }
    } else {
        for (int64_t i = 0; i < d; i++) {
            y[i] = vd_float_to_bfloat(x[i]);
        }
    }
}

// Quantizes a block of 32 to Q8_0 and returns its scale.
static uint16_t quantize(const float *x, int8_t *q) {
    float a = 0.0f;
    for (int64_t i = 0; i < VD_BLOCK; i++) {
        a = fabsf(x[i]) > a ? fabsf(x[i]) : a;
    }
    uint16_t scale = vd_float_to_half(a / 127.0f);
    float s = vd_half_to_float(scale);
    float inverse = s > 0 && s < INFINITY ? 1.0f / s : 0.0f;
    for (int64_t i = 0; i < VD_BLOCK; i++) {
        float rounded = rintf(x[i] * inverse);
        rounded = rounded > -127.0f ? rounded : -127.0f;
        q[i] = (int8_t)(rounded < 127.0f ? rounded : 127.0f);
        scale = isnan(x[i]) ? 0x7e00 : scale;
    }
    return scale;
}

static void store_quantized(const vd_kv_cache *cache, const int32_t *blocks, int32_t head,
                            int64_t t, const float *k, const float *v) {
    int64_t lane = t % VD_KV_LANES, d_h = cache->d_h;
    char *keys = vd_key_tile(cache, blocks, head, t - lane);
    uint16_t *key_scales = (uint16_t *)(keys + VD_KV_LANES * d_h);
    char *value = vd_value_row(cache, blocks, head, t);
    uint16_t *value_scales = vd_value_scales(cache, blocks, head, t);
    for (int64_t b = 0; b < d_h / VD_BLOCK; b++) {
        int8_t q[VD_BLOCK];
        key_scales[b * VD_KV_LANES + lane] = quantize(k + b * VD_BLOCK, q);
        for (int64_t i = 0; i < VD_BLOCK; i += 4) {
            memcpy(keys + ((b * VD_BLOCK + i) / 4 * VD_KV_LANES + lane) * 4, q + i, 4);
        }
    }
    for (int64_t b = 0; b < cache->d_v / VD_BLOCK; b++) {
        value_scales[b] = quantize(v + b * VD_BLOCK, (int8_t *)value + b * VD_BLOCK);
    }
}

static void store_floats(const vd_kv_cache *cache, const int32_t *blocks, int32_t head, int64_t t,
                         const float *k, const float *v) {
    int64_t lane = t % VD_KV_LANES, d_h = cache->d_h;
    char *keys = vd_key_tile(cache, blocks, head, t - lane);
    char *value = vd_value_row(cache, blocks, head, t);
    if (cache->type == VD_F32) {
        for (int64_t i = 0; i < d_h; i++) {
            ((float *)keys)[i * VD_KV_LANES + lane] = k[i];
        }
        memcpy(value, v, (size_t)cache->d_v * sizeof(float));
        return;
    }
    uint16_t narrowed[VD_HEAD_MAX];
    narrow(k, narrowed, d_h, cache->type);
    for (int64_t i = 0; i < d_h; i++) {
        ((uint16_t *)keys)[i * VD_KV_LANES + lane] = narrowed[i];
    }
    narrow(v, (uint16_t *)value, cache->d_v, cache->type);
}

// Returns the worker's share of rows times *heads, those of its group.
static vd_range share_heads(const vd_kv_cache *cache, const vd_step *step, vd_range *heads) {
    vd_head_groups groups = vd_head_groups_of(cache, step->worker->pool);
    int32_t group = vd_head_group_of(&groups, step->worker->index);
    vd_range workers = vd_group_workers(&groups, group);
    *heads = vd_group_heads(&groups, group);
    int64_t total = step->rows * (heads->end - heads->begin);
    int64_t i = step->worker->index - workers.begin, n = workers.end - workers.begin;
    return (vd_range){total * i / n, total * (i + 1) / n};
}

void vd_kv_store_run(const vd_op *op, const vd_step *step) {
    const vd_kv_store *store = &op->as.kv_store;
    const vd_kv_cache *cache = &store->cache;
    const vd_batch *batch = step->batch;
    vd_range heads;
    vd_range share = share_heads(cache, step, &heads);
    int64_t width = heads.end - heads.begin;
    for (int64_t i = share.begin; i < share.end; i++) {
        int64_t row = i / width;
        int32_t head = (int32_t)(heads.begin + i % width);
        int64_t from = row * cache->H_kv + head;
        const int32_t *blocks =
            batch->block_tables + (int64_t)batch->sequences[row] * batch->max_blocks;
        const float *k = store->k + from * cache->d_h, *v = store->v + from * cache->d_v;
        if (cache->type == VD_Q8_0) {
            store_quantized(cache, blocks, head, batch->positions[row], k, v);
        } else {
            store_floats(cache, blocks, head, batch->positions[row], k, v);
        }
    }
}

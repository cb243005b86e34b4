// kv_store has one variant: it moves a few hundred floats per token.
#include <math.h>
#include <string.h>

#include "attention/hadamard.h"
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

// Quantizes a block of 32 and returns its scale. The first element of largest magnitude becomes the
// lowest one of Q4_0, -8; those of Q8_0 are from -127 to 127.
static uint16_t quantize(const float *x, int8_t *q, int32_t type) {
    float a = 0.0f, signed_a = 0.0f;
    for (int64_t i = 0; i < VD_BLOCK; i++) {
        signed_a = fabsf(x[i]) > a ? x[i] : signed_a;
        a = fabsf(signed_a);
    }
    int nibbles = type == VD_Q4_0;
    uint16_t scale = vd_float_to_half(nibbles ? signed_a / -8.0f : a / 127.0f);
    float s = vd_half_to_float(scale);
    float inverse = s != 0 && fabsf(s) < INFINITY ? 1.0f / s : 0.0f;
    float least = nibbles ? -8.0f : -127.0f, most = nibbles ? 7.0f : 127.0f;
    for (int64_t i = 0; i < VD_BLOCK; i++) {
        float rounded = rintf(x[i] * inverse);
        rounded = rounded > least ? rounded : least;
        q[i] = (int8_t)(rounded < most ? rounded : most);
        scale = isnan(x[i]) ? 0x7e00 : scale;
    }
    return scale;
}

// Returns the byte of two elements of Q4_0.
static char pair(int8_t low, int8_t high) {
    return (char)((low + VD_Q4_ZERO) | (high + VD_Q4_ZERO) << 4);
}

// Stores a block of a key in its lane of a tile of codes.
static void store_key_block(char *codes, int64_t b, int64_t lane, const int8_t *q, int32_t type) {
    char *block = codes + b * VD_KV_LANES * vd_kv_code_bytes(type, VD_BLOCK) + lane * 4;
    if (type == VD_Q8_0) {
        for (int64_t i = 0; i < VD_BLOCK; i += 4) {
            memcpy(block + i * VD_KV_LANES, q + i, 4);
        }
        return;
    }
    for (int64_t i = 0; i < VD_BLOCK; i += 8) {
        for (int64_t j = 0; j < 4; j++) {
            block[i / 2 * VD_KV_LANES + j] = pair(q[i + j], q[i + j + 4]);
        }
    }
}

static void store_value_block(char *block, const int8_t *q, int32_t type) {
    if (type == VD_Q8_0) {
        memcpy(block, q, VD_BLOCK);
        return;
    }
    for (int64_t i = 0; i < VD_BLOCK / 2; i++) {
        block[i] = pair(q[i], q[i + VD_BLOCK / 2]);
    }
}

// A key in Q8_0, to which those of its block in Q4_0 are differences.
typedef struct anchor {
    int8_t q[VD_HEAD_MAX];
    uint16_t scale[VD_HEAD_MAX / VD_BLOCK];
} anchor;

// Returns the row of the step with the first position of the block of a row's position, or -1.
static int64_t anchor_row(const vd_batch *batch, int64_t row) {
    int32_t position = batch->positions[row] / VD_KV_BLOCK * VD_KV_BLOCK;
    for (int64_t i = row; i >= 0; i--) {
        if (batch->sequences[i] == batch->sequences[row] && batch->positions[i] <= position) {
            return batch->positions[i] == position ? i : -1;
        }
    }
    return -1;
}

// Finds the anchor of the block of a row of the batch: the key of the block's first position, which
// is in the step or stored.
static void find_anchor(const vd_kv_store *store, const vd_batch *batch, int64_t row, int32_t head,
                        const char *stored, anchor *y) {
    const vd_kv_cache *cache = &store->cache;
    int64_t d_h = cache->d_h, first = anchor_row(batch, row);
    if (first < 0) {
        memcpy(y->q, stored, (size_t)d_h);
        memcpy(y->scale, stored + d_h, (size_t)(d_h / VD_BLOCK) * sizeof *y->scale);
        return;
    }
    float x[VD_HEAD_MAX];
    vd_rotate(store->k + (first * cache->H_kv + head) * d_h, x, d_h, vd_rotation(cache, d_h));
    for (int64_t b = 0; b < d_h / VD_BLOCK; b++) {
        y->scale[b] = quantize(x + b * VD_BLOCK, y->q + b * VD_BLOCK, VD_Q8_0);
    }
}

// Subtracts the anchor from a rotated key, and stores it if the key is that of the anchor.
static void subtract_anchor(const vd_kv_store *store, const vd_batch *batch, int64_t row,
                            int32_t head, float *x) {
    const vd_kv_cache *cache = &store->cache;
    int64_t t = batch->positions[row], d_h = cache->d_h;
    char *page = vd_key_page(cache, vd_blocks_of(batch, row), head, t);
    char *stored = vd_key_anchor(cache, page);
    anchor own;
    find_anchor(store, batch, row, head, stored, &own);
    for (int64_t i = 0; i < d_h; i++) {
        x[i] -= (float)own.q[i] * vd_half_to_float(own.scale[i / VD_BLOCK]);
    }
    if (t % VD_KV_BLOCK == 0) {
        memcpy(stored, own.q, (size_t)d_h);
        memcpy(stored + d_h, own.scale, (size_t)(d_h / VD_BLOCK) * sizeof *own.scale);
    }
}

// Stores the key and value of a head of a row of the batch, k [d_h] and v [d_v].
static void store_quantized(const vd_kv_store *store, const vd_batch *batch, int64_t row,
                            int32_t head, const float *k, const float *v) {
    const vd_kv_cache *cache = &store->cache;
    const int32_t *blocks = vd_blocks_of(batch, row);
    int64_t t = batch->positions[row], lane = t % VD_KV_LANES;
    int64_t d_h = cache->d_h, d_v = cache->d_v;
    int32_t type = cache->type;
    char *keys = vd_key_tile(cache, blocks, head, t - lane);
    uint16_t *key_scales = vd_key_scales(type, keys, d_h);
    float x[VD_HEAD_MAX];
    int8_t q[VD_BLOCK];
    vd_rotate(k, x, d_h, vd_rotation(cache, d_h));
    if (type == VD_Q4_0) {
        subtract_anchor(store, batch, row, head, x);
    }
    for (int64_t b = 0; b < d_h / VD_BLOCK; b++) {
        key_scales[b * VD_KV_LANES + lane] = quantize(x + b * VD_BLOCK, q, type);
        store_key_block(keys, b, lane, q, type);
    }
    if (vd_values_shared(cache)) {
        return;
    }
    char *value = vd_value_row(cache, blocks, head, t);
    uint16_t *value_scales = vd_value_scales(cache, blocks, head, t);
    vd_rotate(v, x, d_v, vd_rotation(cache, d_v));
    for (int64_t b = 0; b < d_v / VD_BLOCK; b++) {
        value_scales[b] = quantize(x + b * VD_BLOCK, q, type);
        store_value_block(value + b * vd_kv_code_bytes(type, VD_BLOCK), q, type);
    }
}

static void store_floats(const vd_kv_cache *cache, const int32_t *blocks, int32_t head, int64_t t,
                         const float *k, const float *v) {
    int64_t lane = t % VD_KV_LANES, d_h = cache->d_h, d_v = cache->d_v;
    char *keys = vd_key_tile(cache, blocks, head, t - lane);
    char *value = vd_values_shared(cache) ? NULL : vd_value_row(cache, blocks, head, t);
    if (cache->type == VD_F32) {
        for (int64_t i = 0; i < d_h; i++) {
            ((float *)keys)[i * VD_KV_LANES + lane] = k[i];
        }
        if (value != NULL) {
            memcpy(value, v, (size_t)d_v * sizeof(float));
        }
        return;
    }
    uint16_t narrowed[VD_HEAD_MAX];
    narrow(k, narrowed, d_h, cache->type);
    for (int64_t i = 0; i < d_h; i++) {
        ((uint16_t *)keys)[i * VD_KV_LANES + lane] = narrowed[i];
    }
    if (value != NULL) {
        narrow(v, (uint16_t *)value, d_v, cache->type);
    }
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
        const int32_t *blocks = vd_blocks_of(batch, row);
        const float *k = store->k + from * cache->d_h, *v = store->v + from * cache->d_v;
        if (vd_kv_scaled(cache->type)) {
            store_quantized(store, batch, row, head, k, v);
        } else {
            store_floats(cache, blocks, head, batch->positions[row], k, v);
        }
    }
}

#include "support/cache.h"

#include <math.h>
#include <string.h>

#include "support/weights.h"
#include "types/types.h"

enum { BLOCK = 64, LANES = 16, SCALED = 32 };

const vd_type kv_types[KV_TYPES] = {VD_F32, VD_F16, VD_BF16, VD_Q8_0};

// Returns the bytes of one head's keys, or values, of width d in a block.
static int64_t page_bytes(const vd_kv_cache *c, int32_t d) {
    int64_t n = (int64_t)BLOCK * d;
    return c->type == VD_F32 ? 4 * n : c->type == VD_Q8_0 ? n + n / SCALED * 2 : 2 * n;
}

int64_t cache_bytes(const vd_kv_cache *c, int32_t blocks, int32_t d) {
    int32_t groups = c->H_kv / c->group_heads;
    return (groups - 1) * c->group_stride + (blocks - 1) * c->stride +
           c->group_heads * page_bytes(c, d);
}

int64_t cache_row_bytes(const vd_kv_cache *c, int32_t d) {
    return c->H_kv * page_bytes(c, d) / BLOCK;
}

vd_kv_cache cache_of_nans(int32_t blocks, int32_t H_kv, int32_t d_h, int32_t d_v, vd_type type,
                          placement where) {
    vd_kv_cache c = {.type = (int32_t)type, .H_kv = H_kv, .d_h = d_h, .d_v = d_v};
    int64_t page = page_bytes(&c, d_h > d_v ? d_h : d_v);
    c.group_heads = H_kv % 2 == 0 ? H_kv / 2 : H_kv;
    c.stride = (c.group_heads + 1) * page;
    c.group_stride = blocks * c.stride + page;
    size_t key_bytes = (size_t)cache_bytes(&c, blocks, d_h);
    size_t value_bytes = (size_t)cache_bytes(&c, blocks, d_v);
    c.keys = guarded_alloc(key_bytes, where);
    c.values = guarded_alloc(value_bytes, where);
    memset(c.keys, 0xff, key_bytes);  // NaN in every type; scales too
    memset(c.values, 0xff, value_bytes);
    return c;
}

// Returns the offset of a head's keys or values, of `bytes` bytes in each block.
static int64_t page_at(const vd_kv_cache *c, int32_t block, int32_t head, int64_t bytes) {
    return head / c->group_heads * c->group_stride + block * c->stride +
           head % c->group_heads * bytes;
}

static int64_t element_bytes(int32_t type) { return type == VD_F32 ? 4 : type == VD_Q8_0 ? 1 : 2; }

void *key_at(const vd_kv_cache *c, const int32_t *blocks, int32_t head, int32_t position, int32_t i,
             uint16_t **scale) {
    int64_t bytes = page_bytes(c, c->d_h);
    char *page = (char *)c->keys + page_at(c, blocks[position / BLOCK], head, bytes);
    char *tile = page + position % BLOCK / LANES * (bytes / 4);
    int32_t lane = position % LANES;
    if (c->type == VD_Q8_0) {
        *scale = (uint16_t *)(tile + LANES * c->d_h) + i / SCALED * LANES + lane;
        return tile + (i / 4 * LANES + lane) * 4 + i % 4;
    }
    return tile + (i * LANES + lane) * element_bytes(c->type);
}

void *value_at(const vd_kv_cache *c, const int32_t *blocks, int32_t head, int32_t position,
               int32_t i, uint16_t **scale) {
    int64_t bytes = page_bytes(c, c->d_v);
    char *values = (char *)c->values + page_at(c, blocks[position / BLOCK], head, bytes);
    int64_t row = position % BLOCK;
    if (c->type == VD_Q8_0) {
        *scale = (uint16_t *)(values + BLOCK * c->d_v) + row * (c->d_v / SCALED) + i / SCALED;
    }
    return values + (row * c->d_v + i) * element_bytes(c->type);
}

double element_value(vd_type type, const void *element, const uint16_t *scale) {
    switch (type) {
        case VD_F32:
            return (double)*(const float *)element;
        case VD_F16:
            return half_value(*(const uint16_t *)element);
        case VD_BF16:
            return (double)vd_bits_to_float((uint32_t)*(const uint16_t *)element << 16);
        default:
            return *(const int8_t *)element * half_value(*scale);
    }
}

static void set(vd_type type, void *element, uint16_t *scale, rng *r, floats kind) {
    float x = rng_float(r, kind);
    switch (type) {
        case VD_F32:
            *(float *)element = x;
            break;
        case VD_F16:
            *(uint16_t *)element = vd_float_to_half(x);
            break;
        case VD_BF16:
            *(uint16_t *)element = (uint16_t)(vd_float_to_bits(x) >> 16);
            break;
        default:
            *(int8_t *)element = (int8_t)rng_between(r, -127, 127);
            *scale = vd_float_to_half(fabsf(x) / 127.0f);
    }
}

void cache_fill(const vd_kv_cache *c, const int32_t *blocks, int32_t n, rng *r, floats kind) {
    uint16_t *scale = NULL;
    for (int32_t position = 0; position < n; position++) {
        for (int32_t head = 0; head < c->H_kv; head++) {
            for (int32_t i = 0; i < c->d_h; i++) {
                void *key = key_at(c, blocks, head, position, i, &scale);
                set((vd_type)c->type, key, scale, r, kind);
            }
            for (int32_t i = 0; i < c->d_v; i++) {
                void *value = value_at(c, blocks, head, position, i, &scale);
                set((vd_type)c->type, value, scale, r, kind);
            }
        }
    }
}

#include "support/cache.h"

#include <math.h>
#include <string.h>

#include "support/weights.h"
#include "types/types.h"

enum { BLOCK = 64, LANES = 16, SCALED = 32 };

const vd_type kv_types[KV_TYPES] = {VD_F32, VD_F16, VD_BF16, VD_Q8_0, VD_Q4_0};

int has_scales(vd_type type) { return type == VD_Q8_0 || type == VD_Q4_0; }

// Returns the bytes of one head's keys in a block: those of a page and, in Q4_0, of an anchor, in
// whole bytes per position.
static int64_t page_bytes(const vd_kv_cache *c, int32_t d);
static int64_t key_page_bytes(const vd_kv_cache *c, int32_t d) {
    int64_t anchor = c->type == VD_Q4_0 ? (d + d / SCALED * 2 + BLOCK - 1) / BLOCK * BLOCK : 0;
    return page_bytes(c, d) + anchor;
}

// Returns the bytes of one head's keys, or values, of width d in a block, without anchors.
static int64_t page_bytes(const vd_kv_cache *c, int32_t d) {
    int64_t n = (int64_t)BLOCK * d;
    switch (c->type) {
        case VD_F32:
            return 4 * n;
        case VD_Q8_0:
            return n + n / SCALED * 2;
        case VD_Q4_0:
            return n / 2 + n / SCALED * 2;
        default:
            return 2 * n;
    }
}

int64_t cache_bytes(const vd_kv_cache *c, int32_t blocks, int32_t d) {
    int32_t groups = c->H_kv / c->group_heads;
    return (groups - 1) * c->group_stride + (blocks - 1) * c->stride +
           c->group_heads * key_page_bytes(c, d);
}

int64_t cache_row_bytes(const vd_kv_cache *c, int32_t d) {
    return c->H_kv * key_page_bytes(c, d) / BLOCK;
}

vd_kv_cache cache_of_nans(int32_t blocks, int32_t H_kv, int32_t d_h, int32_t d_v, vd_type type,
                          placement where) {
    vd_kv_cache c = {.type = (int32_t)type, .H_kv = H_kv, .d_h = d_h, .d_v = d_v};
    int64_t page = key_page_bytes(&c, d_h > d_v ? d_h : d_v);
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

void share_values(vd_kv_cache *c) { c->values = c->keys; }

int32_t rotation_of(const vd_kv_cache *c, int32_t d) {
    d = c->values == c->keys ? c->d_h | c->d_v : d;
    return d & -d;
}

// Returns the offset of a head's keys or values, of `bytes` bytes in each block.
static int64_t page_at(const vd_kv_cache *c, int32_t block, int32_t head, int64_t bytes) {
    return head / c->group_heads * c->group_stride + block * c->stride +
           head % c->group_heads * bytes;
}

static int64_t element_bytes(int32_t type) { return type == VD_F32 ? 4 : type == VD_Q8_0 ? 1 : 2; }

kv_element key_at(const vd_kv_cache *c, const int32_t *blocks, int32_t head, int32_t position,
                  int32_t i) {
    int64_t bytes = page_bytes(c, c->d_h), whole = key_page_bytes(c, c->d_h);
    char *page = (char *)c->keys + page_at(c, blocks[position / BLOCK], head, whole);
    char *tile = page + position % BLOCK / LANES * (bytes / 4);
    int32_t lane = position % LANES;
    int32_t at = i / SCALED * LANES + lane;  // of the scale
    if (c->type == VD_Q8_0) {
        uint16_t *scales = (uint16_t *)(tile + LANES * c->d_h);
        return (kv_element){.at = tile + (i / 4 * LANES + lane) * 4 + i % 4, .scale = scales + at};
    }
    if (c->type == VD_Q4_0) {
        uint16_t *scales = (uint16_t *)(tile + LANES * c->d_h / 2);
        int8_t *anchor = (int8_t *)page + bytes;
        return (kv_element){.at = tile + (i / 8 * LANES + lane) * 4 + i % 4,
                            .scale = scales + at,
                            .high = i / 4 % 2,
                            .anchor = anchor + i,
                            .anchor_scale = (uint16_t *)(anchor + c->d_h) + i / SCALED};
    }
    return (kv_element){.at = tile + (i * LANES + lane) * element_bytes(c->type)};
}

kv_element value_at(const vd_kv_cache *c, const int32_t *blocks, int32_t head, int32_t position,
                    int32_t i) {
    if (c->values == c->keys) {
        return key_at(c, blocks, head, position, i);
    }
    int64_t bytes = page_bytes(c, c->d_v);
    char *values = (char *)c->values + page_at(c, blocks[position / BLOCK], head, bytes);
    int64_t row = position % BLOCK;
    int64_t at = row * (c->d_v / SCALED) + i / SCALED;  // of the scale
    if (c->type == VD_Q8_0) {
        uint16_t *scales = (uint16_t *)(values + BLOCK * c->d_v);
        return (kv_element){.at = values + row * c->d_v + i, .scale = scales + at};
    }
    if (c->type == VD_Q4_0) {
        uint16_t *scales = (uint16_t *)(values + BLOCK * c->d_v / 2);
        char *byte = values + row * c->d_v / 2 + i / SCALED * 16 + i % 16;
        return (kv_element){.at = byte, .scale = scales + at, .high = i / 16 % 2};
    }
    return (kv_element){.at = values + (row * c->d_v + i) * element_bytes(c->type)};
}

double element_value(vd_type type, kv_element element) {
    switch (type) {
        case VD_F32:
            return (double)*(const float *)element.at;
        case VD_F16:
            return half_value(*(const uint16_t *)element.at);
        case VD_BF16:
            return (double)vd_bits_to_float((uint32_t)*(const uint16_t *)element.at << 16);
        case VD_Q4_0: {
            int byte = *(const uint8_t *)element.at;
            double x = ((element.high ? byte >> 4 : byte & 15) - 8) * half_value(*element.scale);
            return element.anchor == NULL ? x
                                          : x + *element.anchor * half_value(*element.anchor_scale);
        }
        default:
            return *(const int8_t *)element.at * half_value(*element.scale);
    }
}

double element_magnitude(vd_type type, kv_element element) {
    if (element.anchor == NULL) {
        return fabs(element_value(type, element));
    }
    double anchor = *element.anchor * half_value(*element.anchor_scale);
    return fabs(element_value(type, element) - anchor) + fabs(anchor);
}

static void set(vd_type type, kv_element element, rng *r, floats kind) {
    float x = rng_float(r, kind);
    switch (type) {
        case VD_F32:
            *(float *)element.at = x;
            break;
        case VD_F16:
            *(uint16_t *)element.at = vd_float_to_half(x);
            break;
        case VD_BF16:
            *(uint16_t *)element.at = (uint16_t)(vd_float_to_bits(x) >> 16);
            break;
        case VD_Q4_0: {
            uint8_t *byte = element.at;
            int code = (int)rng_between(r, 0, 15);
            *byte = (uint8_t)(element.high ? (*byte & 15) | code << 4 : (*byte & 0xf0) | code);
            *element.scale = vd_float_to_half(x / 8.0f);
            if (element.anchor != NULL) {
                *element.anchor = (int8_t)rng_between(r, -127, 127);
                *element.anchor_scale = vd_float_to_half(fabsf(x) / 127.0f);
            }
            break;
        }
        default:
            *(int8_t *)element.at = (int8_t)rng_between(r, -127, 127);
            *element.scale = vd_float_to_half(fabsf(x) / 127.0f);
    }
}

void rotate_exactly(const double *x, double *y, int32_t d, int32_t n) {
    for (int32_t i = 0; i < d; i++) {
        y[i] = 0;
        for (int32_t j = 0; j < n; j++) {
            int odd = __builtin_popcount((unsigned)(i % n & j)) % 2;
            y[i] += (odd ? -1 : 1) * x[i / n * n + j];
        }
        y[i] /= sqrt(n);
    }
}

void cache_fill(const vd_kv_cache *c, const int32_t *blocks, int32_t n, rng *r, floats kind) {
    vd_type type = (vd_type)c->type;
    for (int32_t position = 0; position < n; position++) {
        for (int32_t head = 0; head < c->H_kv; head++) {
            for (int32_t i = 0; i < c->d_h; i++) {
                set(type, key_at(c, blocks, head, position, i), r, kind);
            }
            for (int32_t i = 0; i < c->d_v && c->values != c->keys; i++) {
                set(type, value_at(c, blocks, head, position, i), r, kind);
            }
        }
    }
}

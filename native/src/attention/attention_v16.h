// attention over 16 lanes, chunk by chunk for all queries of a tile, as in flash attention (Dao et
// al. 2022, arXiv 2205.14135). The lanes are 16 positions while scores are made, 16 elements of the
// head while values are summed; no sum runs across lanes but that of the exponentials.
#include <math.h>

#include "attention/attention.h"
#include "attention/kv_cache.h"
#include "simd/exp_v16.h"

// How a chunk joins those before it.
typedef struct join {
    float M;
    float L;
    float a;  // factor of what is there
    float b;  // factor of the chunk
} join;

// Scores of `n` queries against 16 positions.
VD_INLINE void score_tile(const vd_attention_tile *tile, int32_t first, const int n,
                          const float *keys, int64_t t) {
    v16 sum[VD_SCORE_TILE_QUERIES];
    for (int j = 0; j < n; j++) {
        sum[j] = v16_zero();
    }
    for (int32_t i = 0; i < tile->cache->d_h; i++) {
        v16 k = v16_load(keys + i * VD_KV_LANES);
        for (int j = 0; j < n; j++) {
            sum[j] = v16_fma(v16_splat(tile->q[first + j][i]), k, sum[j]);
        }
    }
    for (int j = 0; j < n; j++) {
        float *s = tile->scores + (first + j) * VD_ATTENTION_CHUNK + t;
        v16_store(s, v16_mul(sum[j], v16_splat(tile->scale)));
    }
}

// Scores of queries [first, tile->n) against positions [begin, begin + n), rounded up to 16; what
// lies beyond a query's count is never read.
VD_INLINE void scores(const vd_attention_tile *tile, int32_t first, int64_t begin, int64_t n) {
    for (int64_t t = 0; t < n; t += VD_KV_LANES) {
        const float *keys = vd_key_tile(tile->cache, tile->blocks, tile->head, begin + t);
        int32_t j = first;
        for (; j + VD_SCORE_TILE_QUERIES <= tile->n; j += VD_SCORE_TILE_QUERIES) {
            score_tile(tile, j, VD_SCORE_TILE_QUERIES, keys, t);
        }
        for (; j + 3 <= tile->n; j += 3) {
            score_tile(tile, j, 3, keys, t);
        }
        for (; j < tile->n; j++) {
            score_tile(tile, j, 1, keys, t);
        }
    }
}

// Replaces n scores by exponentials; their greatest and their sum go to *M and *L.
VD_INLINE void exponentials(float *s, int64_t n, float *M, float *L) {
    v16 lowest = v16_splat(-INFINITY);
    v16 greatest = lowest;
    int64_t whole = n / 16 * 16;
    for (int64_t t = 0; t < whole; t += 16) {
        greatest = v16_max(v16_load(s + t), greatest);
    }
    if (whole < n) {
        v16 rest = v16_keep(v16_load(s + whole), n - whole, lowest);
        greatest = v16_max(rest, greatest);
    }
    *M = v16_greatest(greatest);
    v16 sum = v16_zero();
    for (int64_t t = 0; t < n; t += 16) {
        v16 e = v16_exp(v16_sub(v16_load(s + t), v16_splat(*M)));
        e = t < whole ? e : v16_keep(e, n - t, v16_zero());
        v16_store(s + t, e);
        sum = v16_add(sum, e);
    }
    *L = v16_merge(sum);
}

VD_INLINE v16 load_lanes(const float *p, int64_t lanes) {
    return lanes >= 16 ? v16_load(p) : v16_load_part(p, lanes);
}

// Adds positions [from, to) of the chunk, all within one block, to the sums of `n` queries over
// `vectors` times 16 elements of the head; `lanes` are left in the last vector.
VD_INLINE void add_values(v16 sum[VD_VALUE_TILE_QUERIES][VD_VALUE_TILE_LANES], const float *v,
                          int64_t d_h, const float *e, int64_t from, int64_t to, const int n,
                          const int vectors, int64_t lanes) {
    for (int64_t t = from; t < to; t++, v += d_h) {
        for (int w = 0; w < vectors; w++) {
            v16 value = load_lanes(v + 16 * w, w + 1 < vectors ? 16 : lanes);
            for (int j = 0; j < n; j++) {
                v16 weight = v16_splat(e[j * VD_ATTENTION_CHUNK + t]);
                sum[j][w] = v16_fma(weight, value, sum[j][w]);
            }
        }
    }
}

// Sums the values of a chunk for queries [first, first + n) over some vectors of the head from
// element i on, and joins them with z.
VD_INLINE void values_tile(const vd_attention_tile *tile, const join *joins, int32_t first,
                           const int n, int64_t begin, int64_t i, const int vectors,
                           int64_t lanes) {
    v16 sum[VD_VALUE_TILE_QUERIES][VD_VALUE_TILE_LANES];
    for (int j = 0; j < n; j++) {
        for (int w = 0; w < vectors; w++) {
            sum[j][w] = v16_zero();
        }
    }
    const float *e = tile->scores + first * VD_ATTENTION_CHUNK;
    int64_t d_h = tile->cache->d_h;
    int64_t end = tile->count[first] - begin;  // counts ascend: all n queries reach this far
    end = end < VD_ATTENTION_CHUNK ? end : VD_ATTENTION_CHUNK;
    for (int64_t t = 0; t < end; t += VD_KV_BLOCK) {
        const float *v = vd_value_row(tile->cache, tile->blocks, tile->head, begin + t) + i;
        int64_t to = t + VD_KV_BLOCK < end ? t + VD_KV_BLOCK : end;
        add_values(sum, v, d_h, e, t, to, n, vectors, lanes);
    }
    for (int j = 0; j < n; j++) {
        int64_t own = tile->count[first + j] - begin;
        own = own < VD_ATTENTION_CHUNK ? own : VD_ATTENTION_CHUNK;
        for (int64_t t = end; t < own; t++) {
            const float *v = vd_value_row(tile->cache, tile->blocks, tile->head, begin + t) + i;
            add_values(&sum[j], v, d_h, e + j * VD_ATTENTION_CHUNK, t, t + 1, 1, vectors, lanes);
        }
    }
    for (int j = 0; j < n; j++) {
        const join *how = &joins[first + j];
        for (int w = 0; w < vectors; w++) {
            float *z = tile->z[first + j] + i + 16 * w;
            int64_t left = w + 1 < vectors ? 16 : lanes;
            v16 o = sum[j][w];
            if (begin > 0) {
                v16 before = v16_mul(load_lanes(z, left), v16_splat(how->a));
                o = v16_fma(o, v16_splat(how->b), before);
            }
            if (left >= 16) {
                v16_store(z, o);
            } else {
                v16_store_part(z, o, left);
            }
        }
    }
}

VD_INLINE void values_of(const vd_attention_tile *tile, const join *joins, int32_t first,
                         const int n, int64_t begin) {
    int64_t d_h = tile->cache->d_h;
    int64_t i = 0;
    for (; i + 16 * VD_VALUE_TILE_LANES <= d_h; i += 16 * VD_VALUE_TILE_LANES) {
        values_tile(tile, joins, first, n, begin, i, VD_VALUE_TILE_LANES, 16);
    }
    for (; i < d_h; i += 16) {
        values_tile(tile, joins, first, n, begin, i, 1, d_h - i < 16 ? d_h - i : 16);
    }
}

static void chunk(const vd_attention_tile *tile, join *joins, int64_t begin) {
    int32_t first = 0;  // the first query that reaches this chunk
    while (tile->count[first] <= begin) {
        first++;
    }
    int64_t n = tile->count[tile->n - 1] - begin;
    scores(tile, first, begin, n < VD_ATTENTION_CHUNK ? n : VD_ATTENTION_CHUNK);
    for (int32_t j = first; j < tile->n; j++) {
        int64_t own = tile->count[j] - begin;
        own = own < VD_ATTENTION_CHUNK ? own : VD_ATTENTION_CHUNK;
        float M, L;
        exponentials(tile->scores + j * VD_ATTENTION_CHUNK, own, &M, &L);
        join *how = &joins[j];
        if (begin == 0) {
            *how = (join){.M = M, .L = L};
        } else {
            float greater = M > how->M ? M : how->M;
            v16 factors =
                v16_exp(v16_sub(v16_keep(v16_splat(how->M), 1, v16_splat(M)), v16_splat(greater)));
            float pair[16];
            v16_store(pair, factors);
            *how = (join){greater, fmaf(L, pair[1], how->L * pair[0]), pair[0], pair[1]};
        }
    }
    int32_t j = first;
    for (; j + VD_VALUE_TILE_QUERIES <= tile->n; j += VD_VALUE_TILE_QUERIES) {
        values_of(tile, joins, j, VD_VALUE_TILE_QUERIES, begin);
    }
    for (; j < tile->n; j++) {
        values_of(tile, joins, j, 1, begin);
    }
}

void VD_NAME(vd_attention)(const vd_attention_tile *tile) {
    join joins[VD_QUERIES];
    for (int64_t begin = 0; begin < tile->count[tile->n - 1]; begin += VD_ATTENTION_CHUNK) {
        chunk(tile, joins, begin);
    }
    for (int32_t j = 0; j < tile->n; j++) {
        v16 inverse = v16_splat(1.0f / joins[j].L);
        for (int64_t i = 0; i < tile->cache->d_h; i += 16) {
            float *z = tile->z[j] + i;
            int64_t lanes = tile->cache->d_h - i;
            v16 scaled = v16_mul(load_lanes(z, lanes), inverse);
            if (lanes >= 16) {
                v16_store(z, scaled);
            } else {
                v16_store_part(z, scaled, lanes);
            }
        }
    }
}

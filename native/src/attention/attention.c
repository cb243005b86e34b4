// Divides attention among workers. A tile is the set of queries that read the same keys and values:
// the query heads of one key-value head for a few tokens of one sequence. If single tiles are large
// compared with a worker's share, as when one token is decoded over a long context, different
// workers compute their chunks (flash decoding, Dao et al. 2023); the worker that finishes a tile's
// last chunk merges them in ascending order, so that no worker waits. docs/numerics.md defines
// attention by chunks, so the division changes no bit. Workers first take the tiles of the heads
// that their node holds, and at the end those of other nodes.
#include "attention/attention.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "attention/bias.h"
#include "attention/hadamard.h"
#include "attention/head_groups.h"
#include "attention/kv_cache.h"
#include "attention/window.h"
#include "core/op_impl.h"
#include "quantize/quantize.h"

#define VD_VARIANT(isa, name) [isa] = &vd_attention_##name,
const vd_attention_kernel *const vd_attention_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

vd_status vd_attention_check(const vd_op *op) {
    const vd_attention *attention = &op->as.attention;
    int valid = attention->q != NULL && attention->z != NULL &&
                vd_kv_cache_valid(&attention->cache) && attention->H > 0 &&
                attention->H % attention->cache.H_kv == 0 &&
                vd_window_valid(attention->window, attention->shape) &&
                isfinite(attention->scale) && isfinite(attention->cap) && attention->cap >= 0 &&
                op->rows == VD_ROWS_TOKENS && vd_reach_valid(attention->reach);
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// ---- tiles ------------------------------------------------------------------------------------

// How an operation is divided into tiles.
typedef struct tiling {
    int32_t heads;  // query heads of a tile
    int32_t rows;   // maximum tokens of a tile
    int32_t parts;  // tiles that share a key-value head
    int32_t tiles;  // tiles of the same tokens
} tiling;

// Returns the bytes of scratch memory for each query of a tile: its scores, partial results of a
// chunk and of the chunks before it, and its quants with scales and sums.
static int64_t scratch_bytes(const vd_kv_cache *cache) {
    return 4 * VD_ATTENTION_CHUNK + 8 * vd_part_stride(cache->d_v) +
           cache->d_h / VD_BLOCK * (VD_BLOCK + 8) + 64;
}

// Returns the elements of a block of keys or of values, whichever is larger.
static int64_t block_elements(const vd_kv_cache *cache) {
    return VD_KV_BLOCK * (int64_t)(cache->d_h > cache->d_v ? cache->d_h : cache->d_v);
}

static_assert(8 * VD_KV_BLOCK * VD_HEAD_MAX <= VD_SCRATCH_BYTES,
              "a block of the widest heads leaves room for queries");

static tiling tiling_of(const vd_attention *op) {
    int64_t bytes = VD_SCRATCH_BYTES - 4 * block_elements(&op->cache);
    int64_t fitting = bytes / scratch_bytes(&op->cache);
    int32_t queries = fitting < VD_QUERIES ? (int32_t)fitting : VD_QUERIES;
    int32_t group = op->H / op->cache.H_kv;
    int32_t heads = group < queries ? group : queries;
    int32_t parts = (group + heads - 1) / heads;
    return (tiling){heads, queries / heads, parts, op->cache.H_kv * parts};
}

// Tokens [begin, end) of one sequence, and the position of their work items among those of one
// tile for each group of tokens.
typedef struct row_group {
    int64_t begin;
    int64_t end;
    int32_t last;        // last position of the sequence in the step
    int64_t chunk;       // first chunk that they attend to
    int64_t chunks;      // number of chunks from there on
    int divided;         // 1: each chunk is a work item; 0: each tile is
    int64_t first_item;  // first work item of a tile
    int64_t items;       // number of work items of a tile
    int64_t tile;        // first divided tile
    int64_t part;        // first partial result of the divided tiles
} row_group;

static int32_t first_position(const vd_attention *op, int32_t position) {
    return vd_window_begin(op->window, op->shape, position);
}

// Returns the position after the last one that row `row` of a group attends to.
static int32_t end_position(const vd_attention *op, const vd_batch *batch, const row_group *t,
                            int64_t row) {
    return vd_window_end(op->window, op->shape, batch->positions[row], t->last);
}

// Returns the tokens before row `end`: as many of one sequence as fit a tile.
static row_group row_group_before(const vd_attention *op, const vd_batch *batch, tiling c,
                                  int64_t end) {
    row_group t = {.begin = end - 1, .end = end};
    t.last = op->shape == VD_WINDOW_CENTERED ? vd_last_position(batch, end - 1)
                                             : batch->positions[end - 1];
    while (t.begin > 0 && end - t.begin < c.rows &&
           batch->sequences[t.begin - 1] == batch->sequences[t.begin]) {
        t.begin--;
    }
    t.chunk = first_position(op, batch->positions[t.begin]) / VD_ATTENTION_CHUNK;
    t.chunks = (end_position(op, batch, &t, end - 1) - 1) / VD_ATTENTION_CHUNK + 1 - t.chunk;
    return t;
}

// Returns the number of chunks of all tiles.
static int64_t total_chunks(const vd_attention *op, const vd_batch *batch, tiling c, int64_t rows) {
    int64_t total = 0;
    for (int64_t end = rows; end > 0;) {
        row_group t = row_group_before(op, batch, c, end);
        total += t.chunks * c.tiles;
        end = t.begin;
    }
    return total;
}

static int64_t parts_of(const row_group *t, tiling c) {
    return (t->end - t->begin) * c.heads * c.tiles * t->chunks;
}

// Moves to the preceding tokens and decides whether to divide their tiles: if one exceeds a quarter
// of a worker's share and its partial results fit.
static void advance(row_group *t, const vd_op *op, const vd_step *step, tiling c, int64_t total) {
    row_group next = row_group_before(&op->as.attention, step->batch, c, t->begin);
    next.first_item = t->first_item + t->items;
    next.tile = t->tile + (t->divided ? c.tiles : 0);
    next.part = t->part + (t->divided ? parts_of(t, c) : 0);
    int64_t stride = vd_part_stride(op->as.attention.cache.d_v);
    next.divided = step->worker->count > 1 && next.chunks > 1 &&
                   4 * step->worker->count * next.chunks > total &&
                   (next.part + parts_of(&next, c)) * stride <= step->split->floats &&
                   next.tile + c.tiles <= step->split->tiles;
    next.items = next.divided ? next.chunks : 1;
    *t = next;
}

// ---- work -------------------------------------------------------------------------------------

// Fills in a tile of these tokens. Queries are quantized if the cache is.
static void make_tile(vd_query_tile *tile, const vd_attention *op, const vd_step *step, tiling c,
                      const row_group *t, int64_t index) {
    const vd_batch *batch = step->batch;
    int32_t group = op->H / op->cache.H_kv;
    vd_tile_set_head(tile, &op->cache, (int32_t)(index / c.parts));
    int32_t first = tile->head * group + (int32_t)(index % c.parts) * c.heads;
    int32_t last = (tile->head + 1) * group;
    last = first + c.heads < last ? first + c.heads : last;
    tile->op = op;
    tile->blocks = vd_blocks_of(batch, t->begin);
    tile->n = 0;
    for (int64_t row = t->begin; row < t->end; row++) {
        for (int32_t head = first; head < last; head++) {
            tile->q[tile->n] = op->q + (row * op->H + head) * op->cache.d_h;
            tile->z[tile->n] = op->z + (row * op->H + head) * op->cache.d_v;
            tile->sink[tile->n] = op->sinks == NULL ? 0.0f : op->sinks[head];
            tile->slope[tile->n] = op->slopes == NULL ? 0.0f : op->slopes[head];
            tile->bias[tile->n] = vd_own_bias(op->biases, op->reach, head);
            tile->position[tile->n] = batch->positions[row];
            tile->first[tile->n] = first_position(op, batch->positions[row]);
            tile->end[tile->n] = end_position(op, batch, t, row);
            tile->n++;
        }
    }
    if (vd_kv_scaled(op->cache.type)) {
        vd_attention_quantize(tile, step->isa);
    }
}

void vd_attention_quantize(vd_query_tile *tile, vd_isa isa) {
    int64_t d_h = tile->op->cache.d_h, blocks = d_h / VD_BLOCK;
    for (int32_t j = 0; j < tile->n; j++) {
        int32_t sums[VD_HEAD_MAX / 16];
        float scaled_sums[VD_HEAD_MAX / VD_BLOCK];
        vd_quantized y = {tile->quants + j * d_h, tile->scale + j * blocks, sums, scaled_sums};
        float q[VD_HEAD_MAX];
        vd_rotate(tile->q[j], q, d_h, vd_rotation(&tile->op->cache, d_h));
        vd_quantize_kernels[isa](q, y, (vd_range){0, blocks});
        for (int64_t b = 0; b < blocks; b++) {
            tile->sum[j * blocks + b] = sums[2 * b] + sums[2 * b + 1];
        }
    }
}

// Lays out a tile in the worker's scratch memory. Returns the memory for the partial results [2,
// queries].
static float *lay_out(vd_query_tile *tile, void *scratch, const vd_kv_cache *cache,
                      int64_t queries) {
    int64_t blocks = cache->d_h / VD_BLOCK;
    tile->floats = scratch;
    tile->scores = tile->floats + block_elements(cache);
    float *parts = tile->scores + queries * VD_ATTENTION_CHUNK;
    tile->scale = parts + 2 * queries * vd_part_stride(cache->d_v);
    tile->sum = (int32_t *)(tile->scale + queries * blocks);
    tile->quants = (int8_t *)(tile->sum + queries * blocks);
    return parts;
}

// Writes z from the partial results over all positions.
static void finish_tile(const vd_query_tile *tile, vd_isa isa, const float *parts) {
    int64_t d_v = tile->op->cache.d_v, rotation = vd_rotation(&tile->op->cache, d_v);
    vd_attention_kernels[isa]->finish(tile, parts);
    for (int32_t j = 0; rotation > 1 && j < tile->n; j++) {
        vd_hadamard(tile->z[j], d_v, rotation);
    }
}

// Sets the prefetch targets: the keys of chunk `chunk` of these tokens.
static void set_next_keys(vd_query_tile *tile, const vd_step *step, tiling c, const row_group *t,
                          int64_t index, int64_t chunk) {
    const vd_kv_cache *cache = &tile->op->cache;
    const vd_batch *batch = step->batch;
    const int32_t *blocks = vd_blocks_of(batch, t->begin);
    int64_t end = end_position(tile->op, batch, t, t->end - 1);
    for (int64_t i = 0; i < VD_ATTENTION_CHUNK / VD_KV_BLOCK; i++) {
        int64_t at = chunk * VD_ATTENTION_CHUNK + i * VD_KV_BLOCK;
        int32_t head = (int32_t)(index / c.parts);
        tile->next_keys[i] = at < end ? vd_key_tile(cache, blocks, head, at) : NULL;
    }
}

static void run_tile(vd_query_tile *tile, const vd_step *step, tiling c, const row_group *t,
                     int64_t index, float *parts) {
    const vd_attention_kernel *kernel = vd_attention_kernels[step->isa];
    float *later = parts + tile->n * vd_part_stride(tile->op->cache.d_v);
    for (int64_t chunk = t->chunk; chunk < t->chunk + t->chunks; chunk++) {
        set_next_keys(tile, step, c, t, index, chunk + 1);
        if (chunk == t->chunk) {
            kernel->chunk(tile, chunk * VD_ATTENTION_CHUNK, parts);
        } else {
            kernel->chunk(tile, chunk * VD_ATTENTION_CHUNK, later);
            kernel->merge(tile, parts, later);
        }
    }
    finish_tile(tile, step->isa, parts);
}

// Computes one chunk of a divided tile, and finishes the tile if it was the last one.
static void run_chunk(const vd_query_tile *tile, const vd_step *step, const row_group *t, tiling c,
                      int64_t index, int64_t chunk) {
    const vd_attention_kernel *kernel = vd_attention_kernels[step->isa];
    int64_t stride = vd_part_stride(tile->op->cache.d_v);
    int64_t own = (t->end - t->begin) * c.heads;  // partial results of a chunk
    float *parts = step->split->parts + (t->part + index * own * t->chunks) * stride;
    kernel->chunk(tile, chunk * VD_ATTENTION_CHUNK, parts + (chunk - t->chunk) * own * stride);
    atomic_uint *done = &step->split->done[t->tile + index];
    if (atomic_fetch_add_explicit(done, 1, memory_order_acq_rel) + 1 < t->chunks) {
        return;
    }
    atomic_store_explicit(done, 0, memory_order_relaxed);
    for (int64_t i = 1; i < t->chunks; i++) {
        kernel->merge(tile, parts, parts + i * own * stride);
    }
    finish_tile(tile, step->isa, parts);
}

// The work items of the operation: those of a group of heads after those of another, from the
// worker's own group on.
typedef struct work_list {
    const vd_op *op;
    const vd_step *step;
    tiling c;
    int64_t total;  // chunks of all tiles
    vd_head_groups groups;
    int32_t own;     // the worker's group
    int64_t length;  // work items of a tile for each group of tokens; INT64_MAX: not known yet
} work_list;

// A work item: a tile, or one chunk of a divided tile.
typedef struct work_item {
    int32_t group;  // number of groups of heads after the worker's own
    row_group rows;
    int64_t tile;   // of the tiles of these rows
    int64_t chunk;  // of a divided tile
} work_item;

// Proceeds from the end, since the last rows of a prompt attend to the most keys.
static row_group before_first_rows(const vd_step *step) { return (row_group){.begin = step->rows}; }

// Moves to the tokens of work item i of a tile. Returns 0 if there are none.
static int find_rows(row_group *rows, work_list *list, int64_t i) {
    while (i >= rows->first_item + rows->items) {
        if (rows->begin == 0) {
            list->length = rows->first_item + rows->items;
            return 0;
        }
        advance(rows, list->op, list->step, list->c, list->total);
    }
    return 1;
}

// Takes the next work item, searching from `item` on. Returns 0 if there is none.
static int next_item(work_item *item, work_list *list) {
    for (; item->group < list->groups.count; item->group++) {
        int32_t group = (list->own + item->group) % list->groups.count;
        vd_range heads = vd_group_heads(&list->groups, group);
        int64_t tiles = (heads.end - heads.begin) * list->c.parts;
        int64_t limit = list->length == INT64_MAX ? INT64_MAX : list->length * tiles;
        int64_t i;
        if (vd_take_tile(list->step, group, limit, &i) && find_rows(&item->rows, list, i / tiles)) {
            item->tile = heads.begin * list->c.parts + i % tiles;
            item->chunk = item->rows.chunk + i / tiles - item->rows.first_item;
            return 1;
        }
        item->rows = before_first_rows(list->step);
    }
    return 0;
}

void vd_attention_run(const vd_op *op, const vd_step *step) {
    const vd_attention *attention = &op->as.attention;
    tiling c = tiling_of(attention);
    work_list list = {.op = op,
                      .step = step,
                      .c = c,
                      .total = total_chunks(attention, step->batch, c, step->rows),
                      .groups = vd_head_groups_of(&attention->cache, step->worker->pool),
                      .length = INT64_MAX};
    list.own = vd_head_group_of(&list.groups, step->worker->index);
    vd_query_tile tile;
    float *parts = lay_out(&tile, step->worker->scratch, &attention->cache, c.heads * c.rows);
    work_item now = {.rows = before_first_rows(step)};
    int more = next_item(&now, &list);
    while (more) {
        work_item next = now;
        make_tile(&tile, attention, step, c, &now.rows, now.tile);
        if (now.rows.divided) {
            // Taken before this one runs, so that its keys can be prefetched.
            more = next_item(&next, &list);
            const work_item *prefetched = more ? &next : &now;
            set_next_keys(&tile, step, c, &prefetched->rows, prefetched->tile, prefetched->chunk);
            run_chunk(&tile, step, &now.rows, c, now.tile, now.chunk);
        } else {
            run_tile(&tile, step, c, &now.rows, now.tile, parts);
            more = next_item(&next, &list);
        }
        now = next;
    }
}

// ---- memory -----------------------------------------------------------------------------------

vd_split vd_attention_split(const vd_op *op, const vd_limits *limits) {
    if (limits->positions <= VD_ATTENTION_CHUNK) {
        return (vd_split){0};
    }
    const vd_attention *attention = &op->as.attention;
    tiling c = tiling_of(attention);
    int64_t rows = limits->tokens < VD_SPLIT_ROWS ? limits->tokens : VD_SPLIT_ROWS;
    int64_t chunks = vd_ceil_div(limits->positions, VD_ATTENTION_CHUNK);
    int64_t parts = rows * c.heads * c.tiles * chunks;
    return (vd_split){.floats = parts * vd_part_stride(attention->cache.d_v),
                      .tiles = rows * c.tiles};
}

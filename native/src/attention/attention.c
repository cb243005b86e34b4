// Divides attention into tiles. All query heads of a key-value head, and a few tokens of the same
// sequence, read its keys and values together.
#include "attention/attention.h"

#include <math.h>

#include "attention/kv_cache.h"
#include "core/family.h"

#define VD_VARIANT(isa, name) [isa] = vd_attention_##name,
vd_attention_kernel *const vd_attention_kernels[VD_ISA_COUNT] = {
#include "attention/attention_kernels.inc"
};
#undef VD_VARIANT

_Static_assert(sizeof(float) * VD_QUERIES * VD_ATTENTION_CHUNK <= VD_SCRATCH_BYTES, "scratch");

vd_status vd_attention_check(const vd_op *op) {
    const vd_attention *attention = &op->as.attention;
    int valid = attention->q != NULL && attention->z != NULL &&
                vd_kv_cache_valid(&attention->cache) && attention->H > 0 &&
                attention->H % attention->cache.H_kv == 0 && isfinite(attention->scale) &&
                op->rows == VD_ROWS_TOKENS;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

static void add_query(vd_attention_tile *tile, const vd_attention *op, int64_t row, int32_t head,
                      int32_t position) {
    int64_t offset = (row * op->H + head) * op->cache.d_h;
    tile->q[tile->n] = op->q + offset;
    tile->z[tile->n] = op->z + offset;
    tile->count[tile->n] = position + 1;
    tile->n++;
}

// Rows [begin, end) for query heads [first, last) of one key-value head, a tile per sequence.
static void run_rows(const vd_op *op, const vd_step *step, int64_t begin, int64_t end,
                     int32_t first, int32_t last) {
    const vd_attention *attention = &op->as.attention;
    const vd_batch *batch = step->batch;
    int32_t group = attention->H / attention->cache.H_kv;
    vd_attention_tile tile = {
        .cache = &attention->cache,
        .head = first / group,
        .scale = attention->scale,
        .scores = step->worker->scratch,
    };
    for (int64_t row = begin; row < end; row++) {
        for (int32_t head = first; head < last; head++) {
            add_query(&tile, attention, row, head, batch->positions[row]);
        }
        if (row + 1 == end || batch->sequences[row + 1] != batch->sequences[row]) {
            tile.blocks = batch->block_tables + (int64_t)batch->sequences[row] * batch->max_blocks;
            vd_attention_kernels[step->isa](&tile);
            tile.n = 0;
        }
    }
}

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

void vd_attention_run(const vd_op *op, const vd_step *step) {
    const vd_attention *attention = &op->as.attention;
    int32_t group = attention->H / attention->cache.H_kv;
    int32_t heads = group < VD_QUERIES ? group : VD_QUERIES;  // query heads of a tile
    int32_t rows = VD_QUERIES / heads;                        // and tokens
    int64_t parts = ceil_div(group, heads);
    int64_t row_tiles = ceil_div(step->rows, rows);
    int64_t tiles = row_tiles * attention->cache.H_kv * parts;
    // From the end: the last rows of a prompt have the most to read.
    for (int64_t i = vd_next_tile(step); i < tiles; i = vd_next_tile(step)) {
        int64_t row = (row_tiles - 1 - i / (attention->cache.H_kv * parts)) * rows;
        int64_t part = i % (attention->cache.H_kv * parts);
        int32_t first = (int32_t)(part / parts * group + part % parts * heads);
        int32_t last = (int32_t)((part / parts + 1) * group);
        run_rows(op, step, row, row + rows < step->rows ? row + rows : step->rows, first,
                 first + heads < last ? first + heads : last);
    }
}

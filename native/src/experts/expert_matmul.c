// Multiplies tokens by the matrices of the experts that they are routed to. A tile is some columns
// of one expert and the tokens routed there, from anywhere in the batch: they are gathered in the
// worker's scratch memory, multiplied by a matmul kernel, and the results scattered. Weights are
// thus read once for all tokens, and those of experts without tokens never. A gathered row is used
// for many columns, so that copying is cheap. Each node has a slice of every expert's columns.
#include <string.h>

#include "experts/expert_tiles.h"
#include "matmul/matmul.h"
#include "types/types.h"

enum {
    TILE_ROWS = 96,
    TILE_COLUMNS = 1024,
    TILE_BYTES = 128 << 10,  // of weights
};

static int multiplies_quantized(const vd_expert_matmul *m) {
    return vd_multiplies_quantized(m->type, m->arithmetic);
}

vd_status vd_expert_matmul_check(const vd_op *op) {
    const vd_expert_matmul *m = &op->as.expert_matmul;
    int sizes = m->E > 0 && m->E <= VD_EXPERTS_MAX && m->k > 0 && m->k <= m->E && m->N > 0 &&
                m->K > 0 && m->K <= VD_EXPERT_K_MAX && (m->shared == 0 || m->shared == 1) &&
                vd_row_bytes(m->type, m->K) > 0;
    if (!sizes || m->matrices == NULL || m->experts == NULL || m->y == NULL) {
        return VD_INVALID_ARGUMENT;
    }
    for (int32_t e = 0; e < m->E; e++) {
        if (m->matrices[e] == NULL) {
            return VD_INVALID_ARGUMENT;
        }
    }
    if (m->arithmetic != VD_ARITHMETIC_INT8 && m->arithmetic != VD_ARITHMETIC_BF16) {
        return VD_INVALID_ARGUMENT;
    }
    const vd_quantized *xq = &m->xq;
    int quantized = xq->q != NULL && xq->scale != NULL && xq->sum != NULL && xq->scaled_sum != NULL;
    int given = multiplies_quantized(m) ? quantized : m->x != NULL;
    return given ? VD_OK : VD_INVALID_ARGUMENT;
}

static int64_t row_bytes(const vd_expert_matmul *m) {
    return multiplies_quantized(m) ? m->K + m->K / VD_BLOCK * 16 : m->K * 4;
}

// Returns the columns of a tile: as many as fit TILE_BYTES, but at least one tile for each worker.
static int64_t tile_columns(const vd_expert_matmul *m, const vd_step *step) {
    int64_t width = 2 * vd_matmul_unit(m->type);
    int64_t columns = vd_min(TILE_BYTES / vd_matmul_row_bytes(m->type, m->K), TILE_COLUMNS);
    int64_t by_workers = vd_ceil_div(m->N, step->worker->count * width);
    int64_t grains = vd_min(columns / width, by_workers);
    return grains < 1 ? width : grains * width;
}

static int64_t tile_rows(const vd_expert_matmul *m, int64_t columns) {
    int64_t fitting = (VD_SCRATCH_BYTES - 5 * VD_CACHE_LINE) / (row_bytes(m) + columns * 4);
    return vd_min(fitting, TILE_ROWS);
}

// Takes `bytes` of scratch memory at *at, which then moves to the next cache line.
static void *allocate(char **at, int64_t bytes) {
    void *p = *at;
    *at += (bytes + VD_CACHE_LINE - 1) / VD_CACHE_LINE * VD_CACHE_LINE;
    return p;
}

// Returns the product of n slots with columns of an expert's matrix, with operands in scratch
// memory.
static vd_matmul lay_out(const vd_expert_matmul *m, int32_t expert, int64_t slots, vd_range columns,
                         void *scratch) {
    char *at = scratch;
    int64_t n = slots * m->K, unit = vd_matmul_unit(m->type);
    int64_t unit_bytes = vd_is_quantized(m->type) ? vd_packed_group_bytes(m->type, m->K)
                                                  : vd_row_bytes(m->type, m->K);
    vd_matmul product = {
        .weights = (const char *)m->matrices[expert] + columns.begin / unit * unit_bytes,
        .type = m->type,
        .N = (int32_t)(columns.end - columns.begin),
        .K = m->K,
        .arithmetic = m->arithmetic};
    product.y = allocate(&at, slots * product.N * 4);
    if (multiplies_quantized(m)) {
        product.xq.q = allocate(&at, n);
        product.xq.scale = allocate(&at, n / VD_BLOCK * 4);
        product.xq.sum = allocate(&at, n / VD_SUM_BLOCK * 4);
        product.xq.scaled_sum = allocate(&at, n / VD_BLOCK * 4);
    } else {
        product.x = allocate(&at, n * 4);
    }
    return product;
}

// Copies row `from` of the operation's x to row `to` of the tile's.
static void gather(const vd_expert_matmul *m, const vd_matmul *product, int64_t from, int64_t to) {
    int64_t K = m->K, blocks = K / VD_BLOCK, sums = K / VD_SUM_BLOCK;
    if (!multiplies_quantized(m)) {
        memcpy((float *)product->x + to * K, m->x + from * K, (size_t)K * 4);
        return;
    }
    const vd_quantized *x = &m->xq, *y = &product->xq;
    memcpy(y->q + to * K, x->q + from * K, (size_t)K);
    memcpy(y->scale + to * blocks, x->scale + from * blocks, (size_t)blocks * 4);
    memcpy(y->sum + to * sums, x->sum + from * sums, (size_t)sums * 4);
    memcpy(y->scaled_sum + to * blocks, x->scaled_sum + from * blocks, (size_t)blocks * 4);
}

// Stores a row of the tile's results in its slot, adding the bias.
static void scatter(const vd_expert_matmul *m, int32_t expert, const float *row, int64_t slot,
                    vd_range columns) {
    float *y = m->y + slot * m->N + columns.begin;
    int64_t n = columns.end - columns.begin;
    if (m->bias == NULL) {
        memcpy(y, row, (size_t)n * 4);
        return;
    }
    const float *bias = m->bias + (int64_t)expert * m->N + columns.begin;
    for (int64_t i = 0; i < n; i++) {
        y[i] = row[i] + bias[i];
    }
}

static void run_tile(const vd_op *op, const vd_step *step, const vd_expert_tile *tile) {
    const vd_expert_matmul *m = &op->as.expert_matmul;
    int64_t unit = vd_matmul_unit(m->type);
    vd_matmul product = lay_out(m, tile->expert, tile->n, tile->columns, step->worker->scratch);
    for (int64_t i = 0; i < tile->n; i++) {
        gather(m, &product, m->shared ? tile->slots[i] / m->k : tile->slots[i], i);
    }
    vd_matmul_units(&product, step->isa, (vd_range){0, tile->n},
                    (vd_range){0, vd_ceil_div(product.N, unit)}, step->worker->panels);
    for (int64_t i = 0; i < tile->n; i++) {
        scatter(m, tile->expert, product.y + i * product.N, tile->slots[i], tile->columns);
    }
}

void vd_expert_matmul_run(const vd_op *op, const vd_step *step) {
    const vd_expert_matmul *m = &op->as.expert_matmul;
    int64_t width = tile_columns(m, step);
    vd_expert_tiling tiling = {.experts = m->experts,
                               .E = m->E,
                               .k = m->k,
                               .y = m->y,
                               .columns = m->N,
                               .unit = vd_matmul_unit(m->type),
                               .tile_slots = tile_rows(m, width),
                               .tile_columns = width,
                               .slices = vd_pool_slices(step->worker->pool)};
    vd_run_expert_tiles(op, step, &tiling, run_tile);
}

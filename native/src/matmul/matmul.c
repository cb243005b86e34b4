// Computes a worker's share of a matrix product. For few rows, each worker streams its own
// contiguous share of the weights at memory bandwidth (matmul/partition.h). For many rows, workers
// take tiles from the counter that they share with those of their node, so that a slowed worker
// takes fewer; and then from those of other nodes. Up to TILE_ROWS rows are in one tile, which is
// so wide that prefetches hide the reads of its weights; of more rows, tiles share weights that
// stay in the L2 cache. The epilogue is applied to each tile while it is in the cache.
#include "matmul/matmul.h"

#include "core/op_impl.h"
#include "matmul/matmul_part.h"
#include "matmul/partition.h"
#include "quantize/quantize.h"
#include "types/pack.h"
#include "types/types.h"

#define VD_VARIANT(type, type_name, isa, name) [type][isa] = vd_matmul_##type_name##_##name,
vd_matmul_kernel *const vd_matmul_kernels[VD_TYPE_SLOTS][VD_ISA_COUNT] = {
#include "matmul/matmul_kernels.inc"
};
#undef VD_VARIANT

#define VD_VARIANT(type, type_name, isa, name) [type][isa] = vd_matmul_bf16_##type_name##_##name,
vd_matmul_bf16_kernel *const vd_matmul_bf16_kernels[VD_TYPE_SLOTS][VD_ISA_COUNT] = {
#include "matmul/matmul_bf16_kernels.inc"
};
#undef VD_VARIANT

// More than processes can address.
static const int64_t MATRIX_BYTES_MAX = INT64_C(1) << 48;

enum {
    FLOAT_OUTPUTS = 4,  // maximum that kernels of float weights compute together
    TILE_ROWS = 128,
    ROWS_GRAIN = 16,         // that a kernel computes together by tiles of AMX
    TILE_BYTES = 128 << 10,  // of weights that several tiles read
    BF16_ROWS = 512,         // in bf16; its kernels convert both operands of a tile once
    BF16_OUTPUTS = 512,
    // By tiles of AMX, products with 100 to 200 outputs take as long as to convert the tokens.
    BF16_TILE_OUTPUTS_MIN = 768,
    BF16_TILE_OUTPUTS = 1536,
};

int64_t vd_matmul_unit(int32_t type) { return vd_is_quantized(type) ? VD_PACK_ROWS : 1; }

int64_t vd_matmul_row_bytes(int32_t type, int64_t K) {
    return vd_is_quantized(type) ? vd_packed_row_bytes(type, K) : vd_row_bytes(type, K);
}

void vd_matmul_replicate(vd_op *op, int64_t row) {
    vd_matmul *matmul = &op->as.matmul;
    if (vd_multiplies_quantized(matmul->type, matmul->arithmetic)) {
        vd_advance_quantized(&matmul->xq, row, matmul->K);
    } else {
        matmul->x += row * matmul->K;
    }
}

vd_status vd_matmul_check(const vd_op *op) {
    const vd_matmul *matmul = &op->as.matmul;
    if (matmul->weights == NULL || matmul->y == NULL || matmul->N <= 0 || matmul->K <= 0) {
        return VD_INVALID_ARGUMENT;
    }
    int64_t row_bytes = vd_row_bytes(matmul->type, matmul->K);
    if (row_bytes == 0 || matmul->N > MATRIX_BYTES_MAX / row_bytes) {
        return VD_INVALID_ARGUMENT;
    }
    if (matmul->arithmetic != VD_ARITHMETIC_INT8 && matmul->arithmetic != VD_ARITHMETIC_BF16) {
        return VD_INVALID_ARGUMENT;
    }
    if (matmul->unpacked != 0 && (matmul->unpacked != 1 || !vd_is_quantized(matmul->type))) {
        return VD_INVALID_ARGUMENT;
    }
    if (matmul->unpacked && vd_packed_group_bytes(matmul->type, matmul->K) > VD_SCRATCH_BYTES) {
        return VD_UNSUPPORTED;
    }
    if (!vd_multiplies_quantized(matmul->type, matmul->arithmetic)) {
        return matmul->x == NULL ? VD_INVALID_ARGUMENT : VD_OK;
    }
    const vd_quantized *xq = &matmul->xq;
    int valid = xq->q != NULL && xq->scale != NULL && xq->sum != NULL && xq->scaled_sum != NULL;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

static int is_bf16(const vd_matmul *matmul) { return matmul->arithmetic == VD_ARITHMETIC_BF16; }

// Returns the multiple of columns at which tiles begin: what a kernel computes together, or whole
// blocks for an epilogue.
static int64_t grain(const vd_matmul *matmul, const vd_step *step) {
    int whole_blocks = step->epilogue_ops > 0 || is_bf16(matmul);
    return whole_blocks || vd_is_quantized(matmul->type) ? VD_BLOCK : FLOAT_OUTPUTS;
}

static int64_t max_columns(const vd_matmul *matmul, const vd_step *step, int64_t row_tiles) {
    if (is_bf16(matmul)) {
        return step->isa == VD_ISA_AMX_BF16 ? BF16_TILE_OUTPUTS : BF16_OUTPUTS;
    }
    if (row_tiles == 1 && !matmul->unpacked) {
        return matmul->N;
    }
    return TILE_BYTES / vd_matmul_row_bytes(matmul->type, matmul->K);
}

// Returns the columns of a tile: several tiles for every worker, and no more than TILE_BYTES if
// several tiles read them. In bf16 by tiles of AMX there are at least BF16_TILE_OUTPUTS_MIN, but a
// tile for every worker.
static int64_t tile_columns(const vd_matmul *matmul, const vd_step *step, int64_t row_tiles) {
    int64_t width = grain(matmul, step);
    int64_t share = vd_ceil_div(matmul->N * row_tiles, step->worker->count * width);
    int64_t grains = vd_min(max_columns(matmul, step, row_tiles) / width, vd_ceil_div(share, 4));
    if (is_bf16(matmul) && step->isa == VD_ISA_AMX_BF16) {
        int64_t least = vd_min(BF16_TILE_OUTPUTS_MIN / width, share);
        grains = grains < least ? least : grains;
    }
    return grains < 1 ? width : grains * width;
}

// Returns the rows of a tile; all tiles but the last have as many.
static int64_t tile_rows(const vd_matmul *matmul, const vd_step *step) {
    if (matmul->unpacked) {
        return step->rows;  // so that weights are packed once
    }
    if (is_bf16(matmul)) {
        return BF16_ROWS;
    }
    int64_t even = vd_ceil_div(step->rows, vd_ceil_div(step->rows, TILE_ROWS));
    return vd_ceil_div(even, ROWS_GRAIN) * ROWS_GRAIN;
}

void vd_matmul_units(const vd_matmul *op, vd_isa isa, vd_range rows, vd_range units, void *panels) {
    if (is_bf16(op)) {
        vd_matmul_bf16_kernels[op->type][isa](op, rows, units, panels);
    } else {
        vd_matmul_kernels[op->type][isa](op, rows, units, vd_all_columns(op));
    }
}

// Packs as many groups as fit the worker's scratch memory and multiplies them by the kernel of
// packed weights.
static void unpacked_tile(const vd_matmul *matmul, const vd_step *step, vd_range rows,
                          vd_range groups) {
    uint8_t *scratch = step->worker->scratch;
    int64_t group_bytes = vd_packed_group_bytes(matmul->type, matmul->K);
    int64_t fitting = VD_SCRATCH_BYTES / group_bytes;
    vd_matmul packed = *matmul;
    for (int64_t g = groups.begin; g < groups.end; g += fitting) {
        vd_range part = {g, vd_min(g + fitting, groups.end)};
        vd_pack_groups(matmul->type, matmul->N, matmul->K, matmul->weights, part, scratch);
        // the address of the whole matrix if group g is at the start of scratch memory
        packed.weights = (const void *)((uintptr_t)scratch - (uintptr_t)(g * group_bytes));
        vd_matmul_units(&packed, step->isa, rows, part, step->worker->panels);
    }
}

void vd_matmul_tile(const vd_op *op, const vd_step *step, vd_range rows, vd_range columns) {
    const vd_matmul *matmul = &op->as.matmul;
    int64_t unit = vd_matmul_unit(matmul->type);
    vd_range units = {columns.begin / unit, vd_ceil_div(columns.end, unit)};
    if (matmul->unpacked) {
        unpacked_tile(matmul, step, rows, units);
        return;
    }
    vd_matmul_units(matmul, step->isa, rows, units, step->worker->panels);
}

// Computes tiles of `height` rows and `width` columns of a slice's columns until none are left.
static void run_tiles(const vd_op *op, const vd_step *step, int32_t slice, vd_range columns,
                      int64_t height, int64_t width) {
    int64_t row_tiles = vd_ceil_div(step->rows, height);
    int64_t tiles = row_tiles * vd_ceil_div(columns.end - columns.begin, width);
    for (int64_t i; vd_take_tile(step, slice, tiles, &i);) {
        int64_t row = i % row_tiles * height;
        int64_t column = columns.begin + i / row_tiles * width;
        vd_run_fused_tile(op, step, (vd_range){row, vd_min(row + height, step->rows)},
                          (vd_range){column, vd_min(column + width, columns.end)});
    }
}

void vd_matmul_run(const vd_op *op, const vd_step *step) {
    const vd_matmul *matmul = &op->as.matmul;
    if (step->rows <= VD_FEW_ROWS) {
        if (step->part != NULL) {
            vd_run_part(op, step);
        } else if (step->columns.begin < step->columns.end) {
            vd_run_fused_tile(op, step, (vd_range){0, step->rows}, step->columns);
        }
        return;
    }
    int64_t height = tile_rows(matmul, step);
    int64_t width = tile_columns(matmul, step, vd_ceil_div(step->rows, height));
    int64_t unit = grain(matmul, step);
    int64_t units = vd_ceil_div(matmul->N, unit);
    const vd_slices *slices = vd_pool_slices(step->worker->pool);
    int32_t own = vd_slice_of(slices, step->worker->index);
    for (int32_t i = 0; i < slices->count; i++) {
        int32_t slice = (own + i) % slices->count;
        vd_range columns = {vd_slice_begin(slices, slice, units) * unit,
                            vd_min(vd_slice_begin(slices, slice + 1, units) * unit, matmul->N)};
        run_tiles(op, step, slice, columns, height, width);
    }
}

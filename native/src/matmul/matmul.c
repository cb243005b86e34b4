// Divides a matrix product among the workers. A few rows: each worker streams its own contiguous
// share of the weights, as fast as memory gives them. Many rows: tiles that keep their weights in
// the second-level cache, taken from a counter, so that a slowed worker takes fewer.
#include "matmul/matmul.h"

#include "blas/blas.h"
#include "core/family.h"
#include "core/types.h"

#define VD_VARIANT(type, type_name, isa, name) [type][isa] = vd_matmul_##type_name##_##name,
vd_matmul_kernel *const vd_matmul_kernels[VD_TYPE_SLOTS][VD_ISA_COUNT] = {
#include "matmul/matmul_kernels.inc"
};
#undef VD_VARIANT

enum {
    FEW_ROWS = 16,
    TILE_ROWS = 96,
    TILE_BYTES = 128 << 10,  // of weights
    BLAS_ROWS_MIN = 64,
    BLAS_ROWS = 256,  // of a tile for OpenBLAS
    BLAS_OUTPUTS = 128,
};

int64_t vd_matmul_unit(int32_t type) { return vd_is_quantized(type) ? VD_PACK_ROWS : 1; }

static int needs_blas(const vd_matmul *matmul) { return matmul->fast && matmul->type == VD_F32; }

// Only where it is faster than the kernels here: it is not for AVX-512, nor for fewer rows.
static int goes_to_blas(const vd_matmul *matmul, const vd_step *step) {
    int isa_gains = step->isa == VD_ISA_AVX2 || step->isa == VD_ISA_AVX_VNNI;
    return needs_blas(matmul) && isa_gains && step->rows >= BLAS_ROWS_MIN;
}

vd_status vd_matmul_check(const vd_op *op) {
    const vd_matmul *matmul = &op->as.matmul;
    if (matmul->weights == NULL || matmul->y == NULL || matmul->N <= 0 || matmul->K <= 0 ||
        vd_row_bytes(matmul->type, matmul->K) == 0) {
        return VD_INVALID_ARGUMENT;
    }
    if (matmul->fast != 0 && matmul->fast != 1) {
        return VD_INVALID_ARGUMENT;
    }
    if (vd_matmul_unit(matmul->type) == 1) {
        int missing = needs_blas(matmul) && !vd_blas_loaded();
        return matmul->x == NULL ? VD_INVALID_ARGUMENT : missing ? VD_BLAS_MISSING : VD_OK;
    }
    const vd_quantized *xq = &matmul->xq;
    int valid = xq->q != NULL && xq->scale != NULL && xq->sum != NULL && xq->scaled_sum != NULL;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t at_most(int64_t a, int64_t limit) { return a < limit ? a : limit; }

// Units of a tile: as many as its bytes allow, but enough tiles for every worker to have several.
static int64_t tile_units(const vd_matmul *matmul, int64_t units, int64_t row_tiles,
                          int32_t workers) {
    int64_t unit_bytes = vd_row_bytes(matmul->type, matmul->K) * vd_matmul_unit(matmul->type);
    int64_t by_bytes = TILE_BYTES / unit_bytes / 2 * 2;
    int64_t by_workers = ceil_div(units * row_tiles, 4 * (int64_t)workers);
    int64_t tile = at_most(by_bytes, ceil_div(by_workers, 2) * 2);
    return tile < 2 ? 2 : tile;
}

// How OpenBLAS rounds may depend on the shape of a product, so the tiles do not depend on the
// workers.
static void run_blas(const vd_matmul *matmul, const vd_step *step) {
    int64_t row_tiles = ceil_div(step->rows, BLAS_ROWS);
    int64_t tiles = row_tiles * ceil_div(matmul->N, BLAS_OUTPUTS);
    for (int64_t i = vd_next_tile(step); i < tiles; i = vd_next_tile(step)) {
        int64_t row = i % row_tiles * BLAS_ROWS;
        int64_t output = i / row_tiles * BLAS_OUTPUTS;
        vd_blas_matmul(matmul, (vd_range){row, at_most(row + BLAS_ROWS, step->rows)},
                       (vd_range){output, at_most(output + BLAS_OUTPUTS, matmul->N)});
    }
}

void vd_matmul_run(const vd_op *op, const vd_step *step) {
    const vd_matmul *matmul = &op->as.matmul;
    vd_matmul_kernel *kernel = vd_matmul_kernels[matmul->type][step->isa];
    int64_t units = ceil_div(matmul->N, vd_matmul_unit(matmul->type));
    if (step->rows <= FEW_ROWS) {
        kernel(matmul, (vd_range){0, step->rows}, vd_share(step->worker, units));
        return;
    }
    if (goes_to_blas(matmul, step)) {
        run_blas(matmul, step);
        return;
    }
    int64_t row_tiles = ceil_div(step->rows, TILE_ROWS);
    int64_t width = tile_units(matmul, units, row_tiles, step->worker->count);
    int64_t tiles = row_tiles * ceil_div(units, width);
    for (int64_t i = vd_next_tile(step); i < tiles; i = vd_next_tile(step)) {
        int64_t row = i % row_tiles * TILE_ROWS;
        int64_t unit = i / row_tiles * width;
        kernel(matmul, (vd_range){row, at_most(row + TILE_ROWS, step->rows)},
               (vd_range){unit, at_most(unit + width, units)});
    }
}

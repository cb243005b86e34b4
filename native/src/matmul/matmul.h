#ifndef VD_MATMUL_MATMUL_H
#define VD_MATMUL_MATMUL_H

#include "core/arch.h"
#include "core/pool.h"

// Computes outputs y[m][n] for rows m of x, and for n within units of outputs: packed groups of 16
// rows of W for quantized types, single rows of W for floats.
typedef void vd_matmul_kernel(const vd_matmul *op, vd_range rows, vd_range units);

#define VD_VARIANT(type, type_name, isa, name) vd_matmul_kernel vd_matmul_##type_name##_##name;
#include "matmul/matmul_kernels.inc"
#undef VD_VARIANT

// Computes outputs of rows of x without the promise of equal bits; those of quantized types begin
// at a multiple of 16. `scratch` is the worker's. Outputs of a row depend only on the row and the
// weights.
typedef void vd_matmul_fast_kernel(const vd_matmul *op, vd_range rows, vd_range outputs,
                                   void *scratch);

#define VD_VARIANT(type, type_name, isa, name) \
    vd_matmul_fast_kernel vd_matmul_fast_##type_name##_##name;
#include "matmul/matmul_fast_kernels.inc"
#undef VD_VARIANT

// The size of a table by type: one more than the largest vd_type.
union vd_type_slots {
#define VD_FLOAT_TYPE(TYPE, name, bytes) char name[VD_##TYPE + 1];
#define VD_BLOCK_TYPE(TYPE, name, ...) char name[VD_##TYPE + 1];
#define VD_TWIN_TYPE(TYPE, name, TWIN, twin, ...) char name[VD_##TYPE + 1];
#include "types/types.inc"
};

enum {
    VD_TYPE_SLOTS = sizeof(union vd_type_slots),
    VD_FAST_ROWS = 384,  // maximum rows of a tile for fast kernels
};

extern vd_matmul_kernel *const vd_matmul_kernels[VD_TYPE_SLOTS][VD_ISA_COUNT];

// Null if there is none.
extern vd_matmul_fast_kernel *const vd_matmul_fast_kernels[VD_TYPE_SLOTS][VD_ISA_COUNT];

// Returns the number of outputs in a unit: 16 or 1.
int64_t vd_matmul_unit(int32_t type);

// Returns the bytes of a row of weights as kernels read them.
int64_t vd_matmul_row_bytes(int32_t type, int64_t K);

#endif

#ifndef VD_MATMUL_MATMUL_H
#define VD_MATMUL_MATMUL_H

#include "core/arch.h"
#include "core/pool.h"
#include "types/types.h"

// Computes outputs y[m][n] for rows m of x, and for n within units of outputs: packed groups of 16
// rows of W for quantized types, single rows of W for floats. Kernels of quantized types compute
// columns k of K: they set y if these begin at 0, else they add to the sums in y. If k is not all
// of K, there are more than VD_REPLICATED_TOKENS rows, and k is as in matmul_part.h.
typedef void vd_matmul_kernel(const vd_matmul *op, vd_range rows, vd_range units, vd_range k);

#define VD_VARIANT(type, type_name, isa, name) vd_matmul_kernel vd_matmul_##type_name##_##name;
#include "matmul/matmul_kernels.inc"
#undef VD_VARIANT

// Computes outputs in bf16. `panels` is memory of the worker.
typedef void vd_matmul_bf16_kernel(const vd_matmul *op, vd_range rows, vd_range units,
                                   void *panels);

#define VD_VARIANT(type, type_name, isa, name) \
    vd_matmul_bf16_kernel vd_matmul_bf16_##type_name##_##name;
#include "matmul/matmul_bf16_kernels.inc"
#undef VD_VARIANT

// The size of a table by type: one more than the largest vd_type.
union vd_type_slots {
#define VD_FLOAT_TYPE(TYPE, name, bytes) char name[VD_##TYPE + 1];
#define VD_BLOCK_TYPE(TYPE, name, ...) char name[VD_##TYPE + 1];
#define VD_TWIN_TYPE(TYPE, name, TWIN, twin, ...) char name[VD_##TYPE + 1];
#include "types/types.inc"
};

enum { VD_TYPE_SLOTS = sizeof(union vd_type_slots) };

extern vd_matmul_kernel *const vd_matmul_kernels[VD_TYPE_SLOTS][VD_ISA_COUNT];
extern vd_matmul_bf16_kernel *const vd_matmul_bf16_kernels[VD_TYPE_SLOTS][VD_ISA_COUNT];

// Returns whether a product multiplies xq, not x.
static inline int vd_multiplies_quantized(int32_t type, int32_t arithmetic) {
    return vd_is_quantized(type) && arithmetic == VD_ARITHMETIC_INT8;
}

// Returns all columns of a product.
static inline vd_range vd_all_columns(const vd_matmul *op) { return (vd_range){0, op->K}; }

// Computes outputs by the kernel of the product's arithmetic.
void vd_matmul_units(const vd_matmul *op, vd_isa isa, vd_range rows, vd_range units, void *panels);

// Returns the number of outputs in a unit: 16 or 1.
int64_t vd_matmul_unit(int32_t type);

// Returns the bytes of a row of weights as kernels read them.
int64_t vd_matmul_row_bytes(int32_t type, int64_t K);

#endif

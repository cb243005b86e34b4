// Products over a part of K. Several workers may compute an output one after the other: integer
// sums of sub-blocks are exact, and float sums are passed from part to part, so that they are added
// in the order of docs/numerics.md. Up to VD_REPLICATED_TOKENS tokens are multiplied by kernels for
// one group of 16 outputs and one token, which keep the integer sums until the float sums arrive;
// more tokens by the kernels of whole products.
#ifndef VD_MATMUL_MATMUL_PART_H
#define VD_MATMUL_MATMUL_PART_H

#include "core/arch.h"
#include "core/op_impl.h"
#include "matmul/partition.h"
#include "vidrio.h"

typedef enum vd_part {
    VD_PART_FIRST,     // sets y to the sums of columns that begin at 0
    VD_PART_MULTIPLY,  // sets `integers` to the integer sums of sub-blocks
    VD_PART_ADD        // adds sub-blocks, with their integer sums, to the sums in y
} vd_part;

// Computes a part of y[m] of group g: columns k of K. They begin and end at multiples of
// vd_part_columns, or end at K. integers [sub-blocks, 16] is only used within one variant.
typedef void vd_matmul_part_kernel(const vd_matmul *op, int64_t m, int64_t g, vd_range k,
                                   vd_part part, int32_t *integers);

#define VD_VARIANT(isa, name) vd_matmul_part_kernel vd_matmul_part_##name;
#include "simd/variants_dot_v16.inc"
#undef VD_VARIANT

extern vd_matmul_part_kernel *const vd_matmul_part_kernels[VD_ISA_COUNT];

// Returns the multiple of columns at which parts of a quantized type's rows may begin.
int64_t vd_part_columns(int32_t type);

// Computes step->part of the job with the outputs step->columns, and the operations of the epilogue
// that follow it. Receives the first steps of the job from the worker before this one, and passes
// the job on if it does not complete it.
void vd_run_part(const vd_op *op, const vd_step *step);

#endif

#include "core/op_impl.h"

#define VD_OP(kind, name, ...) \
    [VD_OP_##kind] = {.check = vd_##name##_check, .run = vd_##name##_run, __VA_ARGS__},
const vd_op_impl vd_op_impls[VD_OP_COUNT] = {
#include "core/ops.inc"
};
#undef VD_OP

#define VD_OP(kind, name, ...) +1
_Static_assert(0
#include "core/ops.inc"
                   == VD_OP_COUNT,
               "ops.inc has one row per operation");
#undef VD_OP

void vd_run_fused_tile(const vd_op *op, const vd_step *step, vd_range rows, vd_range columns) {
    for (int32_t i = 0; i <= step->epilogue_ops; i++) {
        vd_op_impls[op[i].kind].tile(&op[i], step, rows, columns);
    }
}

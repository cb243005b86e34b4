#include "core/replicated.h"

#include "core/op_impl.h"

int vd_replicated_valid(const vd_op *op) {
    int32_t allowed = op->rows == VD_ROWS_TOKENS ? vd_op_impls[op->kind].replicable : 0;
    return (op->replicated & ~allowed) == 0;
}

void vd_replicated_ops(const vd_op *ops, int32_t n, const vd_worker *worker, vd_op *own) {
    for (int32_t i = 0; i < n; i++) {
        own[i] = ops[i];
        if (ops[i].replicated) {
            vd_op_impls[ops[i].kind].replicate(&own[i],
                                               (int64_t)worker->index * VD_REPLICATED_ROWS);
        }
    }
}

// Workers share the key heads of each segment. The gradients of a key head are sums over the value
// heads that read it. For each pair of positions all is recomputed from their rows, as in attention
// backward, so that memory is linear in the number of tokens and no states are stored.
#include "backward/backward.h"
#include "core/op_impl.h"
#include "recurrence/recurrence.h"

_Static_assert(2 * VD_BACKWARD_POSITIONS * sizeof(double) <= VD_SCRATCH_BYTES,
               "scratch memory holds the decays of the longest sequence, and their gradients");

vd_status vd_recurrence_backward_check(const vd_op *op) {
    const vd_recurrence_backward *b = &op->as.recurrence_backward;
    int outputs = b->residual != NULL && b->dq != NULL && b->dk != NULL && b->dv != NULL &&
                  b->dstep != NULL && b->dbeta != NULL;
    int valid = outputs && b->dz != NULL && vd_recurrence_valid(&b->recurrence) &&
                op->rows == VD_ROWS_TOKENS;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_recurrence_backward_run(const vd_op *op, const vd_step *step) {
    const vd_recurrence_backward *b = &op->as.recurrence_backward;
    int64_t H_k = b->recurrence.H_k;
    int64_t before = 0;  // work items of earlier segments
    int64_t i = vd_next_tile(step);
    for (int64_t row = 0; row < step->rows; before += H_k) {
        vd_range rows = {row, vd_segment_end(step->batch, row)};
        for (; i < before + H_k; i = vd_next_tile(step)) {
            vd_backward[step->isa]->recurrence(b, rows, i - before, step->worker->scratch);
        }
        row = rows.end;
    }
}

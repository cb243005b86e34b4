// The definition of diagonal_recurrence in docs/numerics.md.
#include <math.h>

#include "recurrence/recurrence.h"
#include "simd/exp.h"

void vd_diagonal_recurrence_scalar(const vd_diagonal_recurrence *op, const vd_batch *batch,
                                   vd_range columns) {
    for (int64_t i = 0; i < batch->n_tokens; i++) {
        int64_t slot = batch->slots[batch->sequences[i]];
        int32_t position = batch->positions[i];
        for (int64_t c = columns.begin; c < columns.end; c++) {
            int64_t at = i * op->d + c;
            float h = op->x[at];
            if (position > 0) {
                float before = vd_state_row(op, slot, position - 1)[c];
                h = fmaf(vd_exp(op->decay[at]), before, op->gate[at] * h);
            }
            vd_state_row(op, slot, position)[c] = h;
            op->h[at] = h;
        }
    }
}

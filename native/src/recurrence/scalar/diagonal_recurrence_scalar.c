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

// ddecay holds the share of the previous state in each state until the gradients are known.
static void differentiate(const vd_diagonal_recurrence_backward *op, const vd_batch *batch,
                          int64_t c) {
    const vd_diagonal_recurrence *r = &op->recurrence;
    float h = 0, dh = 0;
    for (int64_t i = 0; i < batch->n_tokens; i++) {
        int64_t at = i * r->d + c;
        if (vd_same_sequence(batch, i - 1, i)) {
            float kept = vd_exp(r->decay[at]);
            op->ddecay[at] = kept * h;
            h = fmaf(kept, h, r->gate[at] * r->x[at]);
        } else {
            h = r->x[at];
        }
    }
    for (int64_t i = batch->n_tokens - 1; i >= 0; i--) {
        int64_t at = i * r->d + c;
        int follows = vd_same_sequence(batch, i, i + 1);
        dh = follows ? fmaf(vd_exp(r->decay[at + r->d]), dh, op->dh[at]) : op->dh[at];
        int first = !vd_same_sequence(batch, i - 1, i);
        op->dx[at] = first ? dh : r->gate[at] * dh;
        op->dgate[at] = first ? 0 : r->x[at] * dh;
        op->ddecay[at] = first ? 0 : op->ddecay[at] * dh;
    }
}

void vd_diagonal_recurrence_backward_scalar(const vd_diagonal_recurrence_backward *op,
                                            const vd_batch *batch, vd_range columns) {
    for (int64_t c = columns.begin; c < columns.end; c++) {
        differentiate(op, batch, c);
    }
}

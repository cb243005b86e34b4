// diagonal_recurrence over 16 lanes, which are columns.
#include "recurrence/recurrence.h"
#include "simd/exp_v16.h"
#include "simd/part_v16.h"

void VD_NAME(vd_diagonal_recurrence)(const vd_diagonal_recurrence *op, const vd_batch *batch,
                                     vd_range columns) {
    for (int64_t i = 0; i < batch->n_tokens; i++) {
        int64_t slot = batch->slots[batch->sequences[i]];
        int32_t position = batch->positions[i];
        for (int64_t c = columns.begin; c < columns.end; c += 16) {
            int64_t left = columns.end - c, at = i * op->d + c;
            f32x16 h = f32x16_load_up_to(op->x + at, left);
            if (position > 0) {
                const float *before = vd_state_row(op, slot, position - 1) + c;
                f32x16 kept = f32x16_exp(f32x16_load_up_to(op->decay + at, left));
                f32x16 added = f32x16_mul(f32x16_load_up_to(op->gate + at, left), h);
                h = f32x16_fma(kept, f32x16_load_up_to(before, left), added);
            }
            f32x16_store_up_to(vd_state_row(op, slot, position) + c, h, left);
            f32x16_store_up_to(op->h + at, h, left);
        }
    }
}

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

// Differentiates up to 16 columns from c on. ddecay holds the share of the previous state in each
// state until the gradients are known.
VD_INLINE void differentiate(const vd_diagonal_recurrence_backward *op, const vd_batch *batch,
                             int64_t c, int64_t left) {
    const vd_diagonal_recurrence *r = &op->recurrence;
    f32x16 h = f32x16_zero(), dh = f32x16_zero();
    for (int64_t i = 0; i < batch->n_tokens; i++) {
        int64_t at = i * r->d + c;
        f32x16 x = f32x16_load_up_to(r->x + at, left);
        if (vd_same_sequence(batch, i - 1, i)) {
            f32x16 kept = f32x16_exp(f32x16_load_up_to(r->decay + at, left));
            f32x16_store_up_to(op->ddecay + at, f32x16_mul(kept, h), left);
            h = f32x16_fma(kept, h, f32x16_mul(f32x16_load_up_to(r->gate + at, left), x));
        } else {
            h = x;
        }
    }
    for (int64_t i = batch->n_tokens - 1; i >= 0; i--) {
        int64_t at = i * r->d + c;
        f32x16 dz = f32x16_load_up_to(op->dh + at, left);
        if (vd_same_sequence(batch, i, i + 1)) {
            f32x16 kept = f32x16_exp(f32x16_load_up_to(r->decay + at + r->d, left));
            dh = f32x16_fma(kept, dh, dz);
        } else {
            dh = dz;
        }
        f32x16 dx = dh, dgate = f32x16_zero(), ddecay = f32x16_zero();
        if (vd_same_sequence(batch, i - 1, i)) {
            dx = f32x16_mul(f32x16_load_up_to(r->gate + at, left), dh);
            dgate = f32x16_mul(f32x16_load_up_to(r->x + at, left), dh);
            ddecay = f32x16_mul(f32x16_load_up_to(op->ddecay + at, left), dh);
        }
        f32x16_store_up_to(op->dx + at, dx, left);
        f32x16_store_up_to(op->dgate + at, dgate, left);
        f32x16_store_up_to(op->ddecay + at, ddecay, left);
    }
}

void VD_NAME(vd_diagonal_recurrence_backward)(const vd_diagonal_recurrence_backward *op,
                                              const vd_batch *batch, vd_range columns) {
    for (int64_t c = columns.begin; c < columns.end; c += 16) {
        differentiate(op, batch, c, columns.end - c);
    }
}

// The reference implementation of recurrence (docs/numerics.md).
#include <math.h>

#include "recurrence/recurrence.h"
#include "simd/exp.h"

static void advance(const vd_recurrence *op, vd_head_state s) {
    float end = s.decays[VD_SPAN - 1];
    float all = vd_exp(end);
    float kept[VD_SPAN];
    for (int32_t t = 0; t < VD_SPAN; t++) {
        kept[t] = vd_exp(end - s.decays[t]);
    }
    for (int32_t i = 0; i < op->d_k; i++) {
        float *row = s.state + (int64_t)i * op->d_v;
        for (int32_t c = 0; c < op->d_v; c++) {
            float sum = row[c] * all;
            for (int32_t t = 0; t < VD_SPAN; t++) {
                sum = fmaf(kept[t] * s.keys[i * VD_SPAN + t], s.updates[t * op->d_v + c], sum);
            }
            row[c] = sum;
        }
    }
}

// Returns element c of what row x [d_k], at position t of the span, reads from the state and from
// positions [0, n) of the span.
static float read(const vd_recurrence *op, vd_head_state s, const float *x, int32_t t, int32_t n,
                  int32_t c) {
    float sum = 0;
    for (int32_t i = 0; i < op->d_k; i++) {
        sum = fmaf(x[i], s.state[(int64_t)i * op->d_v + c], sum);
    }
    sum *= vd_exp(s.decays[t]);
    for (int32_t j = 0; j < n; j++) {
        float dot = 0;
        for (int32_t i = 0; i < op->d_k; i++) {
            dot = fmaf(x[i], s.keys[i * VD_SPAN + j], dot);
        }
        float weight = dot * vd_exp(s.decays[t] - s.decays[j]);
        sum = fmaf(weight, s.updates[j * op->d_v + c], sum);
    }
    return sum;
}

static void run_token(const vd_recurrence *op, vd_head_state s, int32_t position, int64_t i,
                      int64_t head) {
    int32_t t = position % VD_SPAN;
    int64_t key_row = (i * op->H_k + vd_key_head(op, head)) * op->d_k;
    const float *q = op->q + key_row, *k = op->k + key_row;
    const float *v = op->v + (i * op->H + head) * op->d_v;
    float *z = op->z + (i * op->H + head) * op->d_v;
    float beta = op->beta[i * op->H + head];
    s.decays[t] = fmaf(op->a[head], op->step[i * op->H + head], t == 0 ? 0 : s.decays[t - 1]);
    for (int32_t j = 0; j < op->d_k; j++) {
        s.keys[j * VD_SPAN + t] = k[j];
    }
    for (int32_t c = 0; c < op->d_v; c++) {
        float known = op->delta ? read(op, s, k, t, t, c) : 0;
        s.updates[t * op->d_v + c] = beta * (v[c] - known);
        z[c] = read(op, s, q, t, t + 1, c);
        if (op->skip != NULL) {
            z[c] = fmaf(op->skip[head], v[c], z[c]);
        }
    }
}

void vd_recurrence_scalar(const vd_recurrence *op, const vd_batch *batch, vd_range heads) {
    for (int64_t head = heads.begin; head < heads.end; head++) {
        for (int64_t i = 0; i < batch->n_tokens; i++) {
            int32_t position = batch->positions[i];
            vd_head_state s = vd_head_state_of(op, batch->slots[batch->sequences[i]], head);
            if (vd_state_begin(op, s, position)) {
                advance(op, s);
            }
            run_token(op, s, position, i, head);
        }
    }
}

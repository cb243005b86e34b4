// recurrence over 16 lanes, which are columns of values, or positions of a span.
#include <math.h>

#include "recurrence/recurrence.h"
#include "simd/exp_v16.h"
#include "simd/part_v16.h"

enum { COLUMNS = VD_LANES / 4 };  // vectors whose sums for a query and a key fill the registers

_Static_assert(VD_SPAN == 16, "a span fills a vector");

static void advance(const vd_recurrence *op, vd_head_state s) {
    float end = s.decays[VD_SPAN - 1], all[16], weights[16];
    v16 decays = v16_load(s.decays);
    v16 kept = v16_exp(v16_sub(v16_splat(end), decays));
    v16_store(all, v16_exp(decays));
    v16 state_kept = v16_splat(all[VD_SPAN - 1]);
    for (int64_t i = 0; i < op->d_k; i++) {
        v16_store(weights, v16_mul(kept, v16_load(s.keys + i * VD_SPAN)));
        float *row = s.state + i * op->d_v;
        for (int64_t c = 0; c < op->d_v; c += 16) {
            int64_t left = op->d_v - c;
            v16 sum = v16_mul(v16_load_up_to(row + c, left), state_kept);
            for (int32_t t = 0; t < VD_SPAN; t++) {
                v16 update = v16_load_up_to(s.updates + (int64_t)t * op->d_v + c, left);
                sum = v16_fma(v16_splat(weights[t]), update, sum);
            }
            v16_store_up_to(row + c, sum, left);
        }
    }
}

// What a token reads, with, and writes.
typedef struct token {
    const float *q;
    const float *k;
    const float *v;
    float *z;
    const float *skip;  // or null
    float beta;
    int32_t t;           // its position in the span
    float decay;         // of the state
    float by_key[16];    // weights of the span's updates for its key
    float by_query[16];  // and for its query
} token;

// The weights of all positions of the span; those behind the token's mean nothing.
static void weigh(const vd_recurrence *op, vd_head_state s, token *x) {
    v16 by_key = v16_zero(), by_query = v16_zero();
    for (int64_t i = 0; i < op->d_k; i++) {
        v16 keys = v16_load(s.keys + i * VD_SPAN);
        by_key = v16_fma(v16_splat(x->k[i]), keys, by_key);
        by_query = v16_fma(v16_splat(x->q[i]), keys, by_query);
    }
    v16 decays = v16_load(s.decays);
    v16 kept = v16_exp(v16_sub(v16_splat(s.decays[x->t]), decays));
    v16_store(x->by_key, v16_mul(by_key, kept));
    v16_store(x->by_query, v16_mul(by_query, kept));
}

// n vectors of columns from c on, of which `left` columns exist.
VD_INLINE void read_columns(const vd_recurrence *op, vd_head_state s, const token *x, int64_t c,
                            int64_t left, int n) {
    v16 known[COLUMNS], z[COLUMNS];
    for (int j = 0; j < n; j++) {
        known[j] = z[j] = v16_zero();
    }
    const float *row = s.state + c;
    for (int64_t i = 0; i < op->d_k; i++, row += op->d_v) {
        v16 k = v16_splat(x->k[i]), q = v16_splat(x->q[i]);
        for (int j = 0; j < n; j++) {
            v16 state = v16_load_up_to(row + 16 * j, left - 16 * j);
            known[j] = v16_fma(k, state, known[j]);
            z[j] = v16_fma(q, state, z[j]);
        }
    }
    v16 decay = v16_splat(x->decay);
    for (int j = 0; j < n; j++) {
        known[j] = v16_mul(known[j], decay);
        z[j] = v16_mul(z[j], decay);
    }
    float *update = s.updates + c;
    for (int32_t t = 0; t < x->t; t++, update += op->d_v) {
        v16 k = v16_splat(x->by_key[t]), q = v16_splat(x->by_query[t]);
        for (int j = 0; j < n; j++) {
            v16 u = v16_load_up_to(update + 16 * j, left - 16 * j);
            known[j] = v16_fma(k, u, known[j]);
            z[j] = v16_fma(q, u, z[j]);
        }
    }
    v16 beta = v16_splat(x->beta), own = v16_splat(x->by_query[x->t]);
    for (int j = 0; j < n; j++) {
        v16 v = v16_load_up_to(x->v + c + 16 * j, left - 16 * j);
        v16 u = v16_mul(beta, op->delta ? v16_sub(v, known[j]) : v);
        v16_store_up_to(update + 16 * j, u, left - 16 * j);
        z[j] = v16_fma(own, u, z[j]);
        z[j] = x->skip == NULL ? z[j] : v16_fma(v16_splat(*x->skip), v, z[j]);
        v16_store_up_to(x->z + c + 16 * j, z[j], left - 16 * j);
    }
}

static void run_token(const vd_recurrence *op, vd_head_state s, token *x, float step_decay) {
    s.decays[x->t] = step_decay;
    for (int64_t j = 0; j < op->d_k; j++) {
        s.keys[j * VD_SPAN + x->t] = x->k[j];
    }
    weigh(op, s, x);
    float decays[16];
    v16_store(decays, v16_exp(v16_load(s.decays)));
    x->decay = decays[x->t];
    int64_t c = 0;
    for (; c + 16 * COLUMNS <= op->d_v; c += 16 * COLUMNS) {
        read_columns(op, s, x, c, 16 * COLUMNS, COLUMNS);
    }
    for (; c < op->d_v; c += 16) {
        read_columns(op, s, x, c, op->d_v - c, 1);
    }
}

void VD_NAME(vd_recurrence)(const vd_recurrence *op, const vd_batch *batch, vd_range heads) {
    for (int64_t head = heads.begin; head < heads.end; head++) {
        for (int64_t i = 0; i < batch->n_tokens; i++) {
            int32_t position = batch->positions[i];
            vd_head_state s = vd_head_state_of(op, batch->slots[batch->sequences[i]], head);
            if (vd_state_begin(op, s, position)) {
                advance(op, s);
            }
            int64_t key_row = (i * op->H_k + vd_key_head(op, head)) * op->d_k;
            int64_t row = i * op->H + head;
            token x = {.q = op->q + key_row,
                       .k = op->k + key_row,
                       .v = op->v + row * op->d_v,
                       .z = op->z + row * op->d_v,
                       .skip = op->skip == NULL ? NULL : op->skip + head,
                       .beta = op->beta[row],
                       .t = position % VD_SPAN};
            float before = x.t == 0 ? 0 : s.decays[x.t - 1];
            run_token(op, s, &x, fmaf(op->a[head], op->step[row], before));
        }
    }
}

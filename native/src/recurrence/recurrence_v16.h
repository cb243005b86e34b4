// recurrence over 16 lanes, which are columns of values or positions of a span. The tokens of a
// span read the state together, since what they read does not depend on their updates.
#include <math.h>

#include "recurrence/diagonal_recurrence_v16.h"
#include "recurrence/recurrence.h"
#include "simd/exp_v16.h"
#include "simd/part_v16.h"

enum {
    TOGETHER = 3,  // tokens that read a row of the state together
    TOGETHER_COLUMNS = VD_REGISTER_LANES == 16 ? 4 : 1,  // vectors that fill the registers then
    ALONE_COLUMNS = VD_REGISTER_LANES / 4,               // and for one token
};

_Static_assert(VD_SPAN == 16, "a span fills a vector");

static void advance(const vd_recurrence *op, vd_head_state s) {
    float decay[16], weights[16];
    f32x16 decays = f32x16_load(s.decays);
    f32x16 decay_to_end = f32x16_exp(f32x16_sub(f32x16_splat(s.decays[VD_SPAN - 1]), decays));
    f32x16_store(decay, f32x16_exp(decays));
    f32x16 state_kept = f32x16_splat(decay[VD_SPAN - 1]);
    for (int64_t i = 0; i < op->d_k; i++) {
        f32x16_store(weights, f32x16_mul(decay_to_end, f32x16_load(s.keys + i * VD_SPAN)));
        float *row = s.state + i * op->d_v;
        for (int64_t c = 0; c < op->d_v; c += 16) {
            int64_t left = op->d_v - c;
            f32x16 sum = f32x16_mul(f32x16_load_up_to(row + c, left), state_kept);
            for (int32_t t = 0; t < VD_SPAN; t++) {
                f32x16 update = f32x16_load_up_to(s.updates + (int64_t)t * op->d_v + c, left);
                sum = f32x16_fma(f32x16_splat(weights[t]), update, sum);
            }
            f32x16_store_up_to(row + c, sum, left);
        }
    }
}

// A token's rows, and the weights with which it reads its span.
typedef struct token {
    const float *q;
    const float *k;
    const float *v;
    float *z;
    float *update;
    float beta;
    int32_t t;           // position in the span
    float by_key[16];    // weights of the span's updates for the token's key
    float by_query[16];  // and for its query; those after position t are undefined
} token;

// Computes the weights of n tokens.
VD_INLINE void weigh(const vd_recurrence *op, vd_head_state s, token *x, int n) {
    f32x16 by_key[TOGETHER], by_query[TOGETHER];
    for (int j = 0; j < n; j++) {
        by_key[j] = by_query[j] = f32x16_zero();
    }
    for (int64_t i = 0; i < op->d_k; i++) {
        f32x16 keys = f32x16_load(s.keys + i * VD_SPAN);
        for (int j = 0; j < n; j++) {
            by_key[j] = f32x16_fma(f32x16_splat(x[j].k[i]), keys, by_key[j]);
            by_query[j] = f32x16_fma(f32x16_splat(x[j].q[i]), keys, by_query[j]);
        }
    }
    f32x16 decays = f32x16_load(s.decays);
    for (int j = 0; j < n; j++) {
        f32x16 decay_to_token = f32x16_exp(f32x16_sub(f32x16_splat(s.decays[x[j].t]), decays));
        f32x16_store(x[j].by_key, f32x16_mul(by_key[j], decay_to_token));
        f32x16_store(x[j].by_query, f32x16_mul(by_query[j], decay_to_token));
    }
}

// Reads the state for n tokens in some vectors of columns from c on, up to `left` columns: for
// their keys into the place of their updates, and for their queries into z.
VD_INLINE void read_state(const vd_recurrence *op, vd_head_state s, const float *decays,
                          const token *x, int n, int64_t c, int64_t left, int vectors) {
    enum {
        MOST = TOGETHER * TOGETHER_COLUMNS > ALONE_COLUMNS ? TOGETHER * TOGETHER_COLUMNS
                                                           : ALONE_COLUMNS
    };
    f32x16 predicted[MOST], z[MOST];
    for (int j = 0; j < n * vectors; j++) {
        predicted[j] = z[j] = f32x16_zero();
    }
    const float *row = s.state + c;
    for (int64_t i = 0; i < op->d_k; i++, row += op->d_v) {
        for (int m = 0; m < vectors; m++) {
            f32x16 state = f32x16_load_up_to(row + 16 * m, left - 16 * m);
            for (int j = 0; j < n; j++) {
                predicted[j * vectors + m] =
                    f32x16_fma(f32x16_splat(x[j].k[i]), state, predicted[j * vectors + m]);
                z[j * vectors + m] = f32x16_fma(f32x16_splat(x[j].q[i]), state, z[j * vectors + m]);
            }
        }
    }
    for (int j = 0; j < n; j++) {
        f32x16 decay = f32x16_splat(decays[x[j].t]);
        for (int m = 0; m < vectors; m++) {
            f32x16_store_up_to(x[j].update + c + 16 * m,
                               f32x16_mul(predicted[j * vectors + m], decay), left - 16 * m);
            f32x16_store_up_to(x[j].z + c + 16 * m, f32x16_mul(z[j * vectors + m], decay),
                               left - 16 * m);
        }
    }
}

// Reads all columns for n tokens: as many vectors at a time as fit, then one.
VD_INLINE void read_columns(const vd_recurrence *op, vd_head_state s, const float *decays,
                            const token *x, int n, int vectors) {
    int64_t c = 0, width = 16 * vectors;
    for (; c + width <= op->d_v; c += width) {
        read_state(op, s, decays, x, n, c, width, vectors);
    }
    for (; c < op->d_v; c += 16) {
        read_state(op, s, decays, x, n, c, op->d_v - c, 1);
    }
}

// Completes the update and the result of a token, which hold the parts read from the state.
static void finish(const vd_recurrence *op, vd_head_state s, const token *x, const float *skip) {
    f32x16 beta = f32x16_splat(x->beta), own = f32x16_splat(x->by_query[x->t]);
    for (int64_t c = 0; c < op->d_v; c += 16) {
        int64_t left = op->d_v - c;
        f32x16 predicted = f32x16_load_up_to(x->update + c, left),
               z = f32x16_load_up_to(x->z + c, left);
        const float *update = s.updates + c;
        for (int32_t t = 0; t < x->t; t++, update += op->d_v) {
            f32x16 u = f32x16_load_up_to(update, left);
            predicted = f32x16_fma(f32x16_splat(x->by_key[t]), u, predicted);
            z = f32x16_fma(f32x16_splat(x->by_query[t]), u, z);
        }
        f32x16 v = f32x16_load_up_to(x->v + c, left);
        f32x16 u = f32x16_mul(beta, op->delta ? f32x16_sub(v, predicted) : v);
        z = f32x16_fma(own, u, z);
        f32x16_store_up_to(x->update + c, u, left);
        f32x16_store_up_to(x->z + c, skip == NULL ? z : f32x16_fma(f32x16_splat(*skip), v, z),
                           left);
    }
}

// Stores a token's key and decay in its span.
static token begin(const vd_recurrence *op, vd_head_state s, int64_t head, int64_t i, int32_t t) {
    int64_t row = i * op->H + head, key_row = (i * op->H_k + vd_key_head(op, head)) * op->d_k;
    token x = {.q = op->q + key_row,
               .k = op->k + key_row,
               .v = op->v + row * op->d_v,
               .z = op->z + row * op->d_v,
               .update = s.updates + (int64_t)t * op->d_v,
               .beta = op->beta[row],
               .t = t};
    s.decays[t] = fmaf(op->a[head], op->step[row], t == 0 ? 0 : s.decays[t - 1]);
    for (int64_t j = 0; j < op->d_k; j++) {
        s.keys[j * VD_SPAN + t] = x.k[j];
    }
    return x;
}

// Runs n tokens of a span, from row i of the batch on.
static void run_tokens(const vd_recurrence *op, vd_head_state s, int64_t head, int64_t i, int32_t t,
                       int32_t n) {
    token tokens[VD_SPAN];
    for (int32_t j = 0; j < n; j++) {
        tokens[j] = begin(op, s, head, i + j, t + j);
    }
    float decays[16];
    f32x16_store(decays, f32x16_exp(f32x16_load(s.decays)));
    int32_t j = 0;
    for (; j + TOGETHER <= n; j += TOGETHER) {
        weigh(op, s, tokens + j, TOGETHER);
        read_columns(op, s, decays, tokens + j, TOGETHER, TOGETHER_COLUMNS);
    }
    for (; j < n; j++) {
        weigh(op, s, tokens + j, 1);
        read_columns(op, s, decays, tokens + j, 1, ALONE_COLUMNS);
    }
    for (j = 0; j < n; j++) {
        finish(op, s, tokens + j, op->skip == NULL ? NULL : op->skip + head);
    }
}

void VD_NAME(vd_recurrence)(const vd_recurrence *op, const vd_batch *batch, vd_range heads) {
    for (int64_t head = heads.begin; head < heads.end; head++) {
        for (int64_t i = 0; i < batch->n_tokens;) {
            int32_t n = vd_span_tokens(batch, i), position = batch->positions[i];
            vd_head_state s = vd_head_state_of(op, batch->slots[batch->sequences[i]], head);
            if (vd_state_begin(op, s, position)) {
                advance(op, s);
            }
            run_tokens(op, s, head, i, position % VD_SPAN, n);
            i += n;
        }
    }
}

// recurrence_backward as docs/numerics.md defines it, over two functions that the including kernel
// defines: dot(x, y, n), a lane sum, and add(y, w, x, n), y = fma(w, x, y).
#ifndef VD_BACKWARD_RECURRENCE_BACKWARD_H
#define VD_BACKWARD_RECURRENCE_BACKWARD_H

#include <math.h>
#include <string.h>

#include "backward/backward.h"
#include "recurrence/recurrence.h"
#include "simd/exp.h"

// A value head in a segment. The segment's rows are positions 0 to n - 1.
typedef struct value_head {
    const vd_recurrence_backward *op;
    int64_t first;  // first row
    int64_t n;
    int64_t head;
    int64_t key_head;
    double *decays;     // [n] logarithms, accumulated from the first position on
    double *gradients;  // [n] with respect to the decays
} value_head;

static int64_t key_row(const value_head *x, int64_t t) {
    const vd_recurrence *r = &x->op->recurrence;
    return ((x->first + t) * r->H_k + x->key_head) * r->d_k;
}

static int64_t head_index(const value_head *x, int64_t t) {
    return (x->first + t) * x->op->recurrence.H + x->head;
}

static int64_t value_row(const value_head *x, int64_t t) {
    return head_index(x, t) * x->op->recurrence.d_v;
}

static float decay(const value_head *x, int64_t t, int64_t s) {
    return vd_exp((float)(x->decays[t] - x->decays[s]));
}

static void compute_decays(value_head *x) {
    const vd_recurrence *r = &x->op->recurrence;
    double sum = 0;
    for (int64_t t = 0; t < x->n; t++) {
        sum += (double)r->a[x->head] * (double)r->step[head_index(x, t)];
        x->decays[t] = sum;
        x->gradients[t] = 0;
    }
}

static void compute_residuals(const value_head *x) {
    const vd_recurrence *r = &x->op->recurrence;
    for (int64_t t = 0; t < x->n; t++) {
        const float *v = r->v + value_row(x, t), *k = r->k + key_row(x, t);
        float *residual = x->op->residual + value_row(x, t);
        memset(residual, 0, (size_t)r->d_v * sizeof *residual);
        for (int64_t s = 0; r->delta && s < t; s++) {
            float weight = decay(x, t, s) * r->beta[head_index(x, s)];
            float product = dot(k, r->k + key_row(x, s), r->d_k);
            add(residual, product * weight, x->op->residual + value_row(x, s), r->d_v);
        }
        for (int32_t c = 0; c < r->d_v; c++) {
            residual[c] = v[c] - residual[c];
        }
    }
}

// Adds the gradients of position t's reads from position s <= t. dv[s] is not yet multiplied by
// beta, and dv lacks the direct term of z.
static void add_pair(const value_head *x, int64_t t, int64_t s) {
    const vd_recurrence_backward *op = x->op;
    const vd_recurrence *r = &op->recurrence;
    int64_t row = key_row(x, t), key = key_row(x, s), result = value_row(x, t);
    const float *residual = op->residual + value_row(x, s);
    float *dv = op->dv + value_row(x, s);
    float kept = decay(x, t, s), weight = kept * r->beta[head_index(x, s)];
    float product = dot(r->q + row, r->k + key, r->d_k);
    float g = weight * dot(op->dz + result, residual, r->d_v);
    float rate = g * product;
    add(dv, kept * product, op->dz + result, r->d_v);
    add(op->dq + row, g, r->k + key, r->d_k);
    add(op->dk + key, g, r->q + row, r->d_k);
    if (t == s) {
        return;
    }
    if (r->delta) {
        product = dot(r->k + row, r->k + key, r->d_k);
        g = -(weight * dot(op->dv + result, residual, r->d_v));
        rate = fmaf(g, product, rate);
        add(dv, -(kept * product), op->dv + result, r->d_v);
        add(op->dk + row, g, r->k + key, r->d_k);
        add(op->dk + key, g, r->k + row, r->d_k);
    }
    x->gradients[t] += (double)rate;
    x->gradients[s] -= (double)rate;
}

static void propagate(const value_head *x) {
    const vd_recurrence_backward *op = x->op;
    const vd_recurrence *r = &op->recurrence;
    for (int64_t s = x->n; s-- > 0;) {
        float *dv = op->dv + value_row(x, s);
        memset(dv, 0, (size_t)r->d_v * sizeof *dv);
        for (int64_t t = s; t < x->n; t++) {
            add_pair(x, t, s);
        }
        op->dbeta[head_index(x, s)] = dot(dv, op->residual + value_row(x, s), r->d_v);
        for (int32_t c = 0; c < r->d_v; c++) {
            dv[c] *= r->beta[head_index(x, s)];
        }
    }
    double sum = 0;
    for (int64_t t = x->n; t-- > 0;) {
        if (r->skip != NULL) {
            add(op->dv + value_row(x, t), r->skip[x->head], op->dz + value_row(x, t), r->d_v);
        }
        sum += x->gradients[t];
        op->dstep[head_index(x, t)] = r->a[x->head] * (float)sum;
    }
}

VD_INLINE void run_backward(const vd_recurrence_backward *op, vd_range rows, int64_t key_head,
                            void *scratch) {
    const vd_recurrence *r = &op->recurrence;
    int64_t n = rows.end - rows.begin;
    value_head x = {op, rows.begin, n, 0, key_head, scratch, (double *)scratch + n};
    for (int64_t t = 0; t < n; t++) {
        memset(op->dq + key_row(&x, t), 0, (size_t)r->d_k * sizeof(float));
        memset(op->dk + key_row(&x, t), 0, (size_t)r->d_k * sizeof(float));
    }
    for (; x.head < r->H; x.head++) {
        if (vd_key_head(r, x.head) == key_head) {
            compute_decays(&x);
            compute_residuals(&x);
            propagate(&x);
        }
    }
}

#endif

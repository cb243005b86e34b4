// rope in plain C, compiled by each variant with its own flags: it takes a thousandth of a step,
// and compilers vectorize it. Every rounding is explicit, so that the flags cannot change the bits.
#include <math.h>
#include <string.h>

#include "rope/rope.h"

// Rotates pairs of elements `distance` apart; the next pair is `stride` elements on.
VD_INLINE void rotate(const float *x, float *y, const float *cos, const float *sin, int32_t pairs,
                      int32_t stride, int32_t distance) {
    for (int32_t j = 0; j < pairs; j++) {
        float x0 = x[j * stride];
        float x1 = x[j * stride + distance];
        y[j * stride] = fmaf(x0, cos[j], -(x1 * sin[j]));
        y[j * stride + distance] = fmaf(x0, sin[j], x1 * cos[j]);
    }
}

VD_INLINE void rope_heads(const vd_rope *op, const int32_t *positions, vd_range heads) {
    int32_t pairs = op->d_rot / 2;
    for (int64_t h = heads.begin; h < heads.end; h++) {
        const float *x = op->x + h * op->d_h;
        float *y = op->y + h * op->d_h;
        int64_t angles = (int64_t)positions[h / op->heads] * pairs;
        if (op->pairs == VD_ROPE_INTERLEAVED) {
            rotate(x, y, op->cos + angles, op->sin + angles, pairs, 2, 1);
        } else {
            rotate(x, y, op->cos + angles, op->sin + angles, pairs, 1, pairs);
        }
        if (y != x) {
            memcpy(y + op->d_rot, x + op->d_rot, (size_t)(op->d_h - op->d_rot) * sizeof *y);
        }
    }
}

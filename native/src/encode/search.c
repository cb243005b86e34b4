#include "encode/search.h"

#include <math.h>

#include "types/blocks.h"

// Sums over elements x with weights w and codes l: of w x l and w l l.
typedef struct sums {
    float xl;
    float ll;
} sums;

float vd_extreme(int n, const float *x) {
    float extreme = 0;
    for (int i = 0; i < n; i++) {
        extreme = fabsf(x[i]) > fabsf(extreme) ? x[i] : extreme;
    }
    return extreme;
}

// Computes the codes at an inverse scale, and their sums.
static sums code_at(int n, int low, int high, const float *x, const float *weights, float inverse,
                    int32_t *codes) {
    sums s = {0, 0};
    for (int i = 0; i < n; i++) {
        codes[i] = vd_clamp(vd_nearest(inverse * x[i]), low, high);
        float l = (float)codes[i];
        s.xl += weights[i] * x[i] * l;
        s.ll += weights[i] * l * l;
    }
    return s;
}

static float best_scale(sums s) { return s.ll > 0 ? s.xl / s.ll : 0.0f; }

static void put_codes(int n, int offset, const int32_t *from, uint8_t *codes) {
    for (int i = 0; i < n; i++) {
        codes[i] = (uint8_t)(from[i] + offset);
    }
}

static float zero(int n, uint8_t *codes) {
    for (int i = 0; i < n; i++) {
        codes[i] = 0;
    }
    return 0;
}

float vd_fit_scale(int n, int levels, const float *x, const float *weights, uint8_t *codes) {
    float extreme = vd_extreme(n, x);
    if (fabsf(extreme) < VD_ENCODE_EPSILON) {
        return zero(n, codes);
    }
    int32_t tried[VD_BLOCK];
    float scale = 0;
    float gain = 0;  // reduction of the error relative to all-zero codes
    for (int i = -1; i < 19; i++) {
        int step = i - 9;  // the first candidate is the middle one
        if (step == 0) {
            continue;
        }
        float last = i < 0 ? (float)levels : (float)levels + 0.1f * (float)step;
        sums s = code_at(n, -levels, levels - 1, x, weights, -last / extreme, tried);
        if (i < 0 || (s.ll > 0 && s.xl * s.xl > gain * s.ll)) {
            scale = best_scale(s);
            gain = scale * s.xl;
            put_codes(n, levels, tried, codes);
        }
    }
    return scale;
}

// Adjusts one code after another to its least-squares optimum given the others, as long as the
// error falls.
static sums improve_codes(int n, int low, int high, const float *x, const float *weights, sums s,
                          int32_t *codes) {
    for (int round = 0; round < 5; round++) {
        int changed = 0;
        for (int i = 0; i < n; i++) {
            float l = (float)codes[i];
            sums others = {s.xl - weights[i] * x[i] * l, s.ll - weights[i] * l * l};
            if (!(others.xl > 0) || (low == 0 && !(others.ll > 0))) {
                continue;
            }
            int32_t better = vd_clamp(vd_nearest(x[i] * others.ll / others.xl), low, high);
            if (better == codes[i]) {
                continue;
            }
            l = (float)better;
            sums with = {others.xl + weights[i] * x[i] * l, others.ll + weights[i] * l * l};
            if (with.ll > 0 && with.xl * with.xl * s.ll > s.xl * s.xl * with.ll) {
                codes[i] = better;
                s = with;
                changed = 1;
            }
        }
        if (!changed) {
            break;
        }
    }
    return s;
}

float vd_fit_scale_by_moves(int n, int levels, const float *x, const float *weights,
                            uint8_t *codes) {
    float extreme = vd_extreme(n, x);
    if (fabsf(extreme) < VD_ENCODE_EPSILON) {
        return zero(n, codes);
    }
    int32_t best[VD_BLOCK];
    sums s = code_at(n, -levels, levels - 1, x, weights, (float)-levels / extreme, best);
    s = improve_codes(n, -levels, levels - 1, x, weights, s, best);
    put_codes(n, levels, best, codes);
    return best_scale(s);
}

static float positive_error(int n, int levels, const float *x, const float *weights,
                            float inverse) {
    float scale = 1 / inverse;
    float error = 0;
    for (int i = 0; i < n; i++) {
        float l = (float)vd_clamp(vd_nearest(inverse * x[i]), 0, levels);
        float difference = x[i] - scale * l;
        error += weights[i] * difference * difference;
    }
    return error;
}

float vd_fit_positive(int n, int levels, const float *x, const float *weights, uint8_t *codes) {
    float max = 0;
    for (int i = 0; i < n; i++) {
        max = x[i] > max ? x[i] : max;
    }
    if (max < VD_ENCODE_EPSILON) {
        return zero(n, codes);
    }
    float inverse = (float)levels / max;
    float best_error = positive_error(n, levels, x, weights, inverse);
    for (int step = -4; step <= 4; step++) {
        float tried = (0.1f * (float)step + (float)levels) / max;
        float error = step == 0 ? best_error : positive_error(n, levels, x, weights, tried);
        if (error < best_error) {
            best_error = error;
            inverse = tried;
        }
    }
    int32_t best[VD_BLOCK];
    sums s = code_at(n, 0, levels, x, weights, inverse, best);
    s = improve_codes(n, 0, levels, x, weights, s, best);
    put_codes(n, 0, best, codes);
    return best_scale(s);
}

// A line through codes: x ~ scale * code + min, min <= 0.
typedef struct line {
    float scale;
    float min;
} line;

static float line_error(int n, const float *x, const float *weights, line fit, int absolute,
                        const uint8_t *codes) {
    float error = 0;
    for (int i = 0; i < n; i++) {
        float difference = fit.scale * (float)codes[i] + fit.min - x[i];
        error += weights[i] * (absolute ? fabsf(difference) : difference * difference);
    }
    return error;
}

// Fits the least-squares line through the codes. Returns 0 if there is none.
static int fit_line(int n, const float *x, const float *weights, float sum_w, float sum_x,
                    const uint8_t *codes, line *fit) {
    float sum_l = 0, sum_ll = 0, sum_xl = 0;
    for (int i = 0; i < n; i++) {
        float l = (float)codes[i];
        sum_l += weights[i] * l;
        sum_ll += weights[i] * l * l;
        sum_xl += weights[i] * l * x[i];
    }
    float determinant = sum_w * sum_ll - sum_l * sum_l;
    if (!(determinant > 0)) {
        return 0;
    }
    fit->scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
    fit->min = (sum_ll * sum_x - sum_l * sum_xl) / determinant;
    if (fit->min > 0) {
        *fit = (line){sum_xl / sum_ll, 0};
    }
    return 1;
}

static void code_between(int n, int levels, const float *x, float inverse, float min,
                         uint8_t *codes) {
    for (int i = 0; i < n; i++) {
        codes[i] = (uint8_t)vd_clamp(vd_nearest(inverse * (x[i] - min)), 0, levels);
    }
}

float vd_fit_affine(int n, int levels, const float *x, const float *weights,
                    vd_candidates candidates, uint8_t *codes, float *offset) {
    float min = x[0], max = x[0];
    float sum_w = weights[0];
    float sum_x = sum_w * x[0];
    for (int i = 1; i < n; i++) {
        min = x[i] < min ? x[i] : min;
        max = x[i] > max ? x[i] : max;
        sum_w += weights[i];
        sum_x += weights[i] * x[i];
    }
    min = min > 0 ? 0 : min;
    *offset = -min;
    if (!(max > min)) {
        return zero(n, codes);
    }
    float inverse = (float)levels / (max - min);
    line best = {1 / inverse, min};
    code_between(n, levels, x, inverse, min, codes);
    float best_error = line_error(n, x, weights, best, candidates.absolute, codes);
    for (int i = 0; i <= candidates.steps; i++) {
        uint8_t tried[VD_BLOCK];
        line fit;
        inverse =
            (candidates.first + candidates.step * (float)i + (float)levels) / (max - best.min);
        code_between(n, levels, x, inverse, best.min, tried);
        if (!fit_line(n, x, weights, sum_w, sum_x, tried, &fit)) {
            continue;
        }
        float error = line_error(n, x, weights, fit, candidates.absolute, tried);
        if (error < best_error) {
            memcpy(codes, tried, (size_t)n);
            best_error = error;
            best = fit;
        }
    }
    *offset = -best.min;
    return best.scale;
}

uint8_t vd_nearest_uneven(float x) {
    static const int8_t weights[16] = VD_IQ4_WEIGHTS;
    uint8_t code = 0;
    while (code < 15 && !(x - (float)weights[code] < (float)weights[code + 1] - x)) {
        code++;
    }
    return code;
}

float vd_fit_uneven(const float *x, const float *weights) {
    float extreme = vd_extreme(VD_BLOCK, x);
    if (fabsf(extreme) < VD_ENCODE_EPSILON) {
        return 0;
    }
    float min_weight = (float)vd_code_weight(VD_IQ4_NL, 0);
    float d = 0;
    float gain = 0;  // reduction of the error relative to all-zero weights
    for (int step = -8; step <= 7; step++) {
        float inverse =
            step < -7 ? 1 / (-extreme / min_weight) : ((float)step + min_weight) / extreme;
        float xq = 0, qq = 0;
        for (int i = 0; i < VD_BLOCK; i++) {
            float q = (float)vd_code_weight(VD_IQ4_NL, vd_nearest_uneven(inverse * x[i]));
            xq += weights[i] * q * x[i];
            qq += weights[i] * q * q;
        }
        if (qq > 0 && (step < -7 || xq * xq > gain * qq)) {
            d = xq / qq;
            gain = d * xq;
        }
    }
    return d;
}

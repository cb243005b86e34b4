// exp: every variant equals the scalar one, which is close to exp() in double, for floats from -110
// to 95: every 61st one, or every one with VD_TEST_SWEEPS=whole.
#include "simd/exp.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#include "core/pool.h"
#include "simd/exp_kernels.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/isas.h"
#include "support/tolerance.h"

enum { BATCH = 4096, WORKERS_MAX = 64 };

static const uint32_t negative = 0x42dc0000 + 1;  // number of floats from -0 down to -110
static const uint32_t positive = 0x42be0000 + 1;  // number of floats from +0 up to 95

// The largest error, in units in the last place of the exact result, and its argument.
typedef struct worst {
    double error;
    float x;
} worst;

typedef struct sweep {
    int64_t step;
    worst worst[WORKERS_MAX];
} sweep;

#define VD_VARIANT(isa, name) [isa] = exp_##name,
static exp_kernel *const kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

void exp_scalar(const float *x, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        y[i] = vd_exp(x[i]);
    }
}

static float nth_float(int64_t i) {
    uint32_t n = (uint32_t)i;
    return vd_bits_to_float(n < negative ? 0x80000000 + n : n - negative);
}

static double error_of(float x, float y) {
    double exact = exp((double)x);
    if (exact > (double)FLT_MAX) {
        // A result below 2^128 may still be rounded to the largest float.
        return isinf(y) || (exact < 0x1p128 && y == FLT_MAX) ? 0 : HUGE_VAL;
    }
    return fabs((double)y - exact) / unit_in_last_place(exact);
}

static void check_batch(worst *w, const float *x, const float *y) {
    for (int i = 0; i < BATCH; i++) {
        double error = error_of(x[i], y[i]);
        if (error > EXP_ULPS) {
            fail("exp(%a): expected about %a, got %a: %g units in the last place", (double)x[i],
                 exp((double)x[i]), (double)y[i], error);
        }
        if (error > w->error) {
            *w = (worst){error, x[i]};
        }
    }
}

static void run_sweep(void *argument, const vd_worker *worker) {
    sweep *s = argument;
    float x[BATCH], expected[BATCH], actual[BATCH];
    int64_t all = ((int64_t)negative + positive - 1) / s->step + 1;
    vd_range share = vd_share(worker, (all + BATCH - 1) / BATCH);
    for (int64_t b = share.begin; b < share.end; b++) {
        for (int i = 0; i < BATCH; i++) {
            int64_t n = b * BATCH + i;
            x[i] = nth_float((n < all ? n : all - 1) * s->step);
        }
        exp_scalar(x, expected, BATCH);
        check_batch(&s->worst[worker->index], x, expected);
        for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            kernels[isa](x, actual, BATCH);
            same_floats(vd_isa_name(isa), expected, actual, BATCH);
        }
    }
}

static void exp_stays_within_ulps(void) {
    int32_t workers = vd_default_workers() < WORKERS_MAX ? vd_default_workers() : WORKERS_MAX;
    vd_pool *pool;
    CHECK(vd_pool_create(workers, &pool) == VD_OK);
    sweep s = {.step = whole_sweeps() ? 1 : short_sweeps() ? 1009 : 61};
    describe("exp of every %lldth float", (long long)s.step);
    vd_pool_run(pool, run_sweep, &s);
    vd_pool_free(pool);
    worst all = {0};
    for (int32_t i = 0; i < workers; i++) {
        all = s.worst[i].error > all.error ? s.worst[i] : all;
    }
    printf("exp: at most %.4f units in the last place, at %a\n", all.error, (double)all.x);
}

static void exp_saturates(void) {
    describe("exp beyond its range");
    CHECK(vd_exp(0.0f) == 1 && vd_exp(-0.0f) == 1);
    CHECK(vd_exp(-104.0f) == 0 && vd_exp(-FLT_MAX) == 0 && vd_exp(-INFINITY) == 0);
    CHECK(isinf(vd_exp(88.73f)) && isinf(vd_exp(FLT_MAX)) && isinf(vd_exp(INFINITY)));
    CHECK(isnan(vd_exp(NAN)) && isnan(vd_exp(-NAN)));
    CHECK(isfinite(vd_exp(88.7f)) && vd_exp(-103.0f) > 0);
    const float x[16] = {INFINITY, -INFINITY, NAN,  -NAN,      FLT_MAX,
                         -FLT_MAX, 89,        -104, 0x1p-149f, -0.0f};
    float expected[16], actual[16];
    exp_scalar(x, expected, 16);
    for (vd_isa isa = next_isa(VD_ISA_SCALAR); isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        kernels[isa](x, actual, 16);
        same_floats(vd_isa_name(isa), expected, actual, 16);
    }
}

// Checks scalar tanh. The test of attention compares that of vectors, in the soft cap.
static void tanh_stays_within_ulps(void) {
    worst w = {0};
    uint32_t step = whole_sweeps() ? 1 : 61;
    for (uint32_t bits = 0; bits < 0x41400000; bits += step) {  // 0 to 12, with both signs
        for (uint32_t sign = 0; sign < 2; sign++) {
            float x = vd_bits_to_float(bits | sign << 31);
            double exact = tanh((double)x);
            double error = fabs((double)vd_tanh(x) - exact) / unit_in_last_place(fabs(exact));
            if (error > TANH_ULPS) {
                fail("tanh(%a): expected about %a, got %a", (double)x, exact, (double)vd_tanh(x));
            }
            w = error > w.error ? (worst){error, x} : w;
        }
    }
    CHECK(vd_tanh(INFINITY) == 1 && vd_tanh(-INFINITY) == -1 && isnan(vd_tanh(NAN)));
    printf("tanh: at most %.4f units in the last place, at %a\n", w.error, (double)w.x);
}

int main(void) {
    test_begin("exp");
    tanh_stays_within_ulps();
    exp_saturates();
    exp_stays_within_ulps();
    return 0;
}

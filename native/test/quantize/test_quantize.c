// quantize: every variant equals docs/numerics.md. The reference is exact: a product or quotient of
// two floats, computed in double and rounded to float, is correctly rounded.
#include "quantize/quantize.h"

#include <math.h>
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/rng.h"

enum { BLOCK = 32, BLOCKS = 9 };

static float x[BLOCKS * BLOCK];

static vd_quantized run(vd_isa isa, vd_range blocks, placement where) {
    const float *copy = guarded_copy(x, sizeof x, where);
    vd_quantized y = {
        .q = guarded_alloc(BLOCKS * BLOCK, where),
        .scale = guarded_alloc(BLOCKS * sizeof(float), where),
        .sum = guarded_alloc(2 * BLOCKS * sizeof(int32_t), where),
        .scaled_sum = guarded_alloc(BLOCKS * sizeof(float), where),
    };
    vd_quantize_kernels[isa](copy, y, blocks);
    return y;
}

static void check_untouched(const vd_quantized *y, vd_range blocks) {
    int64_t after = BLOCKS - blocks.end;
    untouched("q before the range", y->q, blocks.begin * BLOCK);
    untouched("q after the range", y->q + blocks.end * BLOCK, after * BLOCK);
    untouched("scale before the range", y->scale, blocks.begin * 4);
    untouched("scale after the range", y->scale + blocks.end, after * 4);
    untouched("sum before the range", y->sum, blocks.begin * 8);
    untouched("sum after the range", y->sum + 2 * blocks.end, after * 8);
    untouched("scaled_sum before the range", y->scaled_sum, blocks.begin * 4);
    untouched("scaled_sum after the range", y->scaled_sum + blocks.end, after * 4);
}

static float rounded_quotient(float a, float b) { return (float)((double)a / (double)b); }

static float rounded_product(float a, float b) { return (float)((double)a * (double)b); }

static void check_block(const vd_quantized *y, int64_t b) {
    const float *block = x + b * BLOCK;
    float a = 0;
    int finite = 1;
    for (int i = 0; i < BLOCK; i++) {
        finite = finite && isfinite(block[i]);
        a = fmaxf(a, fabsf(block[i]));
    }
    int zero = !finite || a < 0x1p-100f;
    float scale = !finite ? NAN : zero ? 0 : rounded_quotient(a, 127);
    int8_t q[BLOCK] = {0};
    int32_t sum[2] = {0};
    for (int i = 0; i < BLOCK && !zero; i++) {
        q[i] = (int8_t)nearbyint((double)rounded_product(block[i], rounded_quotient(127, a)));
        sum[i / 16] += q[i];
    }
    float scaled_sum = rounded_product(scale, (float)(sum[0] + sum[1]));
    same_bytes("q", q, y->q + b * BLOCK, BLOCK);
    same_floats("scale", &scale, &y->scale[b], 1);
    same_ints("sum", sum, &y->sum[2 * b], 2);
    same_floats("scaled_sum", &scaled_sum, &y->scaled_sum[b], 1);
}

static void check_all(const char *content) {
    for (vd_range blocks = {0, 0}; blocks.begin < BLOCKS; blocks.begin++) {
        for (blocks.end = blocks.begin; blocks.end <= BLOCKS; blocks.end += 3) {
            for (placement where = 0; where < PLACEMENTS; where++) {
                for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
                    describe("quantize %s, blocks [%lld,%lld), %s", vd_isa_name(isa),
                             (long long)blocks.begin, (long long)blocks.end, content);
                    vd_quantized y = run(isa, blocks, where);
                    check_untouched(&y, blocks);
                    for (int64_t b = blocks.begin; b < blocks.end; b++) {
                        check_block(&y, b);
                    }
                }
                guarded_free_all();
            }
        }
    }
}

// Fills blocks with elements of magnitude `a` at most, and one element of each block with `a` of
// the given sign.
static void fill_below(rng *r, float a, int sign) {
    for (int i = 0; i < BLOCKS * BLOCK; i++) {
        x[i] = rng_uniform(r, -1, 1) * a;
    }
    for (int b = 0; b < BLOCKS; b++) {
        x[b * BLOCK + rng_below(r, BLOCK)] = (float)sign * a;
    }
}

// Fills blocks with ties: the largest magnitude is 127, so that the inverse scale is 1.
static void fill_ties(rng *r) {
    for (int i = 0; i < BLOCKS * BLOCK; i++) {
        x[i] = i % BLOCK == 7 ? -127.0f : (float)rng_between(r, -127, 126) + 0.5f;
    }
}

static void fill_saturated(rng *r) {
    for (int i = 0; i < BLOCKS * BLOCK; i++) {
        x[i] = rng_next(r) & 1 ? 3.7f : -3.7f;
    }
}

// Fills blocks that each have one element that is not finite, at different positions.
static void fill_not_finite(rng *r, float value) {
    rng_fill(r, ORDINARY, x, BLOCKS * BLOCK);
    for (int b = 0; b < BLOCKS; b++) {
        x[b * BLOCK + b * 4 % BLOCK] = value;
    }
}

int main(void) {
    test_begin("quantize");
    rng r = {2};
    for (floats kind = 0; kind < FLOATS_COUNT; kind++) {
        rng_fill(&r, kind, x, BLOCKS * BLOCK);
        check_all(floats_name(kind));
    }
    static const float magnitudes[] = {0x1p-149f, 0x1p-126f,        0x1.fffffep-101f,
                                       0x1p-100f, 0x1.000002p-100f, 1,
                                       127,       0x1.fffffep127f};
    for (size_t i = 0; i < sizeof magnitudes / sizeof magnitudes[0]; i++) {
        fill_below(&r, magnitudes[i], i % 2 == 0 ? 1 : -1);
        check_all("below a given magnitude");
    }
    for (int i = 0; i < 50; i += sweep_step()) {
        fill_below(&r, rng_uniform(&r, 0.01f, 1000), 1);
        check_all("below a random magnitude");
    }
    fill_ties(&r);
    check_all("ties");
    fill_saturated(&r);
    check_all("saturated");
    fill_not_finite(&r, INFINITY);
    check_all("infinities");
    fill_not_finite(&r, -INFINITY);
    check_all("negative infinities");
    fill_not_finite(&r, NAN);
    check_all("NaNs");
    return 0;
}

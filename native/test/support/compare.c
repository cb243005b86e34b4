#include "support/compare.h"

#include <math.h>
#include <string.h>

#include "support/check.h"
#include "support/guarded.h"

static uint32_t bits(float value) {
    uint32_t result;
    memcpy(&result, &value, sizeof result);
    return result;
}

void same_floats(const char *name, const float *expected, const float *actual, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        float e = expected[i], a = actual[i];
        if (bits(e) != bits(a) && !(isnan(e) && isnan(a))) {
            fail("%s[%lld] should be %a (0x%08x), is %a (0x%08x)", name, (long long)i, (double)e,
                 bits(e), (double)a, bits(a));
        }
    }
}

void same_bytes(const char *name, const void *expected, const void *actual, int64_t n) {
    const int8_t *e = expected, *a = actual;
    for (int64_t i = 0; i < n; i++) {
        if (e[i] != a[i]) {
            fail("byte %lld of %s should be %d, is %d", (long long)i, name, e[i], a[i]);
        }
    }
}

void same_ints(const char *name, const int32_t *expected, const int32_t *actual, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (expected[i] != actual[i]) {
            fail("%s[%lld] should be %d, is %d", name, (long long)i, expected[i], actual[i]);
        }
    }
}

void near(const char *name, int64_t index, double expected, double tolerance, float actual) {
    if (!(fabs((double)actual - expected) <= tolerance)) {
        fail("%s[%lld] should be %.17g within %.3g, is %.17g", name, (long long)index, expected,
             tolerance, (double)actual);
    }
}

void untouched(const char *name, const void *memory, int64_t bytes) {
    size_t whole = canaries(memory, (size_t)bytes);
    if (whole < (size_t)bytes) {
        fail("byte %zu of %s was written", whole, name);
    }
}

// Comparisons. If values differ, each ends the test and prints the case, the name, the index and
// both values.
#ifndef VD_TEST_COMPARE_H
#define VD_TEST_COMPARE_H

#include <stdint.h>

// Requires equal bits. Any two NaNs are equal.
void same_floats(const char *name, const float *expected, const float *actual, int64_t n);

void same_bytes(const char *name, const void *expected, const void *actual, int64_t n);

void same_ints(const char *name, const int32_t *expected, const int32_t *actual, int64_t n);

// Requires |actual - expected| <= tolerance; see tolerance.h.
void near(const char *name, int64_t index, double expected, double tolerance, float actual);

// Requires that these bytes of guarded memory were not written.
void untouched(const char *name, const void *memory, int64_t bytes);

#endif

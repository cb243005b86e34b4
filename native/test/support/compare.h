// Comparisons. Each ends the test with the case, the name, the index and both values where they
// differ.
#ifndef VD_TEST_COMPARE_H
#define VD_TEST_COMPARE_H

#include <stdint.h>

// The same bits; any two NaNs are equal.
void same_floats(const char *name, const float *expected, const float *actual, int64_t n);

void same_bytes(const char *name, const void *expected, const void *actual, int64_t n);

void same_ints(const char *name, const int32_t *expected, const int32_t *actual, int64_t n);

// |actual - expected| <= tolerance; see tolerance.h.
void near(const char *name, int64_t index, double expected, double tolerance, float actual);

// Nobody wrote these bytes of guarded memory.
void untouched(const char *name, const void *memory, int64_t bytes);

#endif

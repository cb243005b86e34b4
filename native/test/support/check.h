#ifndef VD_TEST_CHECK_H
#define VD_TEST_CHECK_H

/** Ends the test with a message naming the place unless the condition holds. */
#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

_Noreturn void check_failed(const char *condition, const char *file, int line);

#endif
